"""Who is away and until when; entering it stops the shifts of those days. (请假)"""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from pages import kit
from pages.appointments.rota import Rota, typed_id
from pages.kit.element import Html
from pages.session import current_actor
from pages.typed import typed_date
from pages.viewer import viewer
from pages.words import day as day_words
from pages.words import t
from services.appointments.patterns import Absence
from services.clinic import Clinic
from services.policy import Action


class AwayView:
    """The list of absences."""

    def __init__(
        self, clinic: Clinic, panel: kit.SidePanel, reload: Callable[[], Awaitable[None]]
    ) -> None:
        self._clinic = clinic
        self._zone = ZoneInfo(clinic.settings.timezone)
        self._panel = panel
        self._reload = reload
        self._rota = Rota({}, {}, {})

    def follow(self, rota: Rota) -> None:
        """Know who there is."""
        self._rota = rota

    def build(self) -> None:
        """Make the elements; `load` fills them."""
        self._may = viewer().can(Action.LEAVE_ENTER)
        kit.paragraph(t("away.why"), "muted")
        if self._may:
            with kit.side_by_side():
                kit.button("line", t("away.add"), self._ask_new, icon="plus")
        columns = [
            kit.Column("clinician", t("timetable.clinician"), phone="title"),
            kit.Column("since", t("away.since")),
            kit.Column("until", t("away.until")),
            kit.Column("reason", t("timetable.reason")),
        ]
        words = kit.TableWords(
            t("timetable.view.away"),
            total="away.total",
            empty_title=t("away.none"),
            empty_text=t("away.none_text"),
        )
        with kit.card(flush=True):
            self._table: kit.DataTable[Absence] = kit.DataTable(
                columns, self._read, self._row, words, kit.Answers(act=self._act)
            )

    async def load(self) -> None:
        """Bring the list up to date."""
        await self._table.load()

    async def _read(self, query: kit.Query) -> kit.Page[Absence]:
        found = await self._clinic.patterns.absences(current_actor())
        return kit.Page(found[query.offset : query.offset + query.size], len(found))

    def _row(self, absence: Absence) -> kit.Row:
        name = self._rota.name(absence.owner_id)
        first = absence.starts_at.astimezone(self._zone).date()
        last = (absence.ends_at - timedelta(seconds=1)).astimezone(self._zone).date()
        return kit.Row(
            str(absence.id),
            {
                "clinician": name,
                "since": day_words(first),
                "until": day_words(last),
                "reason": absence.reason,
            },
            name=name,
            acts=(kit.Act("end", t("away.end"), "quiet"),) if self._may else (),
        )

    async def _act(self, key: str, _name: str) -> None:
        if await kit.confirm(t("away.end"), t("away.end_text"), t("away.end")):
            await self._clinic.patterns.end_leave(current_actor(), UUID(key))
            kit.toast(t("away.ended"))
            await self.load()

    def _people(self) -> dict[str, str]:
        """Whoever plans enters it for all; a doctor for themselves."""
        everybody = self._rota.choices()
        if viewer().can(Action.SHIFT_CHANGE):
            return everybody
        me = str(current_actor().user_id)
        return {key: name for key, name in everybody.items() if key == me}

    def _ask_new(self) -> None:
        people = self._people()
        with self._panel.fill(t("away.add")):
            if not people:
                kit.empty(t("timetable.no_doctors"), t("timetable.no_doctors_text"))
                return
            kit.banner("warn", t("away.consequence"))
            with Html("div", "form"):
                today = self._clinic.clock.now().astimezone(self._zone).date().isoformat()
                fields = {
                    "who": kit.select(t("timetable.clinician"), people, required=True),
                    "since": kit.field(t("away.since"), value=today, content="date", required=True),
                    "until": kit.field(t("away.until"), value=today, content="date", required=True),
                    "reason": kit.field(t("timetable.reason"), required=True),
                }
                kit.button("stop", t("away.add"), lambda: self._add(fields))

    async def _add(self, fields: dict[str, kit.Field]) -> None:
        if kit.left_out(*fields.values()):
            return
        self._clinic.transactions.ask_first(current_actor(), Action.LEAVE_ENTER)
        with kit.told(fields):
            count = await self._clinic.patterns.take_leave(
                current_actor(),
                typed_id(fields["who"].text, "who"),
                typed_date(fields["since"].text, "since"),
                typed_date(fields["until"].text, "until"),
                fields["reason"].text,
            )
            self._panel.close()
            kit.toast(t("away.added", count=count))
            await self.load()
            await self._reload()
