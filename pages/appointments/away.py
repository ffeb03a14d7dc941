"""Who is away and until when; entering it stops the shifts of those days. (请假)"""

from datetime import timedelta
from uuid import UUID

from pages import kit
from pages.appointments.rota import Rota, typed_id
from pages.appointments.side_list import Ending, SideList
from pages.kit.element import Html
from pages.session import current_actor
from pages.typed import typed_date
from pages.viewer import viewer
from pages.words import day as day_words
from pages.words import t
from services.appointments.patterns import Absence
from services.policy import Action


class AwayView(SideList[Absence]):
    """The list of absences."""

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
        ending = Ending(t("away.end"), t("away.end_text"), t("away.ended"))
        self._build_table(columns, words, ending)

    async def _all(self) -> list[Absence]:
        return await self._clinic.patterns.absences(current_actor())

    def _row(self, item: Absence) -> kit.Row:
        name = self._rota.name(item.owner_id)
        first = item.starts_at.astimezone(self._zone).date()
        last = (item.ends_at - timedelta(seconds=1)).astimezone(self._zone).date()
        return kit.Row(
            str(item.id),
            {
                "clinician": name,
                "since": day_words(first),
                "until": day_words(last),
                "reason": item.reason,
            },
            name=name,
            acts=(kit.Act("end", t("away.end"), "quiet"),) if self._may else (),
        )

    async def _end(self, item_id: UUID) -> None:
        await self._clinic.patterns.end_leave(current_actor(), item_id)

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
