"""Breaking the glass: a record for an hour, with a reason, under review. (紧急访问, R042)"""

from uuid import UUID

from data.errors import Invalid
from pages import kit
from pages.glass import tail
from pages.live import on_event
from pages.routes import Routes
from pages.session import current_actor
from pages.shell import frame
from pages.words import clock, t
from services.clinic import Clinic
from services.events import EmergencyAccessClosed, EmergencyAccessOpened, EmergencyAccessReviewed
from services.policy import Action
from services.users.emergency import LONGEST_REASON, SHORTEST_REASON, Access

OUTCOMES: dict[str, kit.Tone] = {"justified": "ok", "unjustified": "bad"}
RULES = ("hour", "trail", "review")


def register(clinic: Clinic, routes: Routes) -> None:
    """Enter `/emergency`."""

    @routes.page("/emergency", action=Action.EMERGENCY_OPEN, title="nav.emergency")
    async def emergency_page(patient: str = "") -> None:
        # Who is there is asked before anything is typed: there is no time to type it twice.
        clinic.transactions.ask_first(current_actor(), Action.EMERGENCY_OPEN)
        page = EmergencyPage(clinic)
        with frame("emergency.page", active="/emergency"):
            page.build(patient)
        await page.load()
        events = (EmergencyAccessOpened, EmergencyAccessClosed, EmergencyAccessReviewed)
        on_event(clinic.bus, *events, do=page.load, when=page.is_mine)


class EmergencyPage:
    """The form at one side, and at the other what this person has opened before."""

    def __init__(self, clinic: Clinic) -> None:
        self._clinic = clinic
        self._me = current_actor().user_id

    def is_mine(
        self, event: EmergencyAccessOpened | EmergencyAccessClosed | EmergencyAccessReviewed
    ) -> bool:
        """Tell whether something happened to what this page's person has opened."""
        return event.user_id == self._me

    def build(self, patient: str) -> None:
        """Make the elements; `load` fills the list."""
        with kit.halves():
            with kit.card(t("emergency.title")), kit.form():
                for rule in RULES:
                    kit.paragraph(t(f"emergency.rule.{rule}"))
                self._fields = {
                    "patient_id": kit.field(
                        t("emergency.patient"),
                        value=patient,
                        required=True,
                        complete="off",
                        length=36,
                        hint=t("emergency.patient_hint"),
                    ),
                    "reason": kit.text_area(
                        t("emergency.reason"),
                        required=True,
                        autofocus=bool(patient),
                        length=LONGEST_REASON,
                        hint=t("emergency.reason_hint", least=SHORTEST_REASON),
                    ),
                }
                kit.button("stop", t("emergency.do"), self._open, icon="glass", large=True)
            self._build_list()

    def _build_list(self) -> None:
        words = kit.TableWords(
            t("emergency.mine"),
            total="emergency.total",
            empty_title=t("emergency.none"),
            empty_text=t("emergency.none_text"),
        )
        columns = [
            kit.Column("patient", t("emergency.patient"), phone="title"),
            kit.Column("at", t("emergency.opened_at")),
            kit.Column("state", t("emergency.state")),
            kit.Column("note", t("emergency.note"), phone="plain"),
        ]
        with kit.card(t("emergency.mine"), flush=True):
            self._table: kit.DataTable[Access] = kit.DataTable(
                columns, self._read, self._row, words, kit.Answers(act=self._act)
            )

    async def load(self) -> None:
        """Bring the list up to date."""
        await self._table.load()

    async def _open(self) -> None:
        if kit.left_out(*self._fields.values()):
            return
        with kit.told(self._fields):
            patient, reason = self._fields["patient_id"].text, self._fields["reason"].text
            access = await self._clinic.emergency.open(current_actor(), number(patient), reason)
            for field in self._fields.values():
                field.value = ""
            until = clock(access.until)
            kit.toast(t("emergency.done", patient=tail(access.patient_id), until=until))
            await self.load()

    async def _read(self, query: kit.Query) -> kit.Page[Access]:
        found, total = await self._clinic.emergency.history(
            current_actor(), offset=query.offset, limit=query.size
        )
        return kit.Page(found, total)

    def _row(self, access: Access) -> kit.Row:
        now = self._clinic.clock.now()
        is_open = access.ends_at > now
        return kit.Row(
            str(access.id),
            {
                "patient": kit.Cell(tail_of(access), note=access.reason),
                "at": kit.ago_cell(access.opened_at, now=now),
                "state": state_of(access, is_open=is_open),
                "note": access.review_note,
            },
            name=tail(access.patient_id),
            acts=(kit.Act("end", t("glass.end"), "stop"),) if is_open else (),
            tone="bad" if is_open else "",
        )

    async def _act(self, key: str, name: str) -> None:
        if name == "end":
            await self._clinic.emergency.close(current_actor(), UUID(key))
            await self.load()


def tail_of(access: Access) -> str:
    """Return as much of a patient's number as a list needs."""
    return t("emergency.tail", tail=tail(access.patient_id))


def number(typed: str) -> UUID:
    """Return a patient's number as it was typed; raise `Invalid` for anything else."""
    try:
        return UUID(typed)
    except ValueError:
        raise Invalid("patient_number_malformed", field="patient_id") from None


def state_of(access: Access, *, is_open: bool) -> kit.Cell:
    """Say where a broken glass is: open, waiting for its review, or judged."""
    if access.outcome:
        said = t(f"emergency.outcome.{access.outcome}")
        return kit.state_cell(said, OUTCOMES[str(access.outcome)])
    if is_open:
        return kit.state_cell(t("emergency.open_now"), "bad", glyph="glass")
    return kit.state_cell(t("emergency.waits"), "warn", glyph="p1")
