"""Today's lines as the desk sees them: check in for somebody, bring back, cancel. (导诊台)"""

from collections import Counter
from datetime import date
from functools import partial
from uuid import UUID
from zoneinfo import ZoneInfo

from data.errors import NotFound
from pages import kit
from pages.kit.element import Html
from pages.live import on_event
from pages.routes import Routes
from pages.session import current_actor
from pages.shell import frame
from pages.viewer import viewer
from pages.words import clock as clock_words
from pages.words import local, t
from services.ages import full_years
from services.appointments.queue import TicketState
from services.appointments.waiting_room import Line
from services.clinic import Clinic
from services.policy import Action
from services.visit_events import QueueMoved

QUEUE = "/queue"
EVERY = "every"
PARTS: dict[str, frozenset[TicketState]] = {
    "all": frozenset(TicketState),
    "expected": frozenset({TicketState.EXPECTED}),
    "waiting": frozenset({TicketState.WAITING}),
    "in_room": frozenset({TicketState.CALLED, TicketState.SERVING}),
    "missed": frozenset({TicketState.MISSED}),
    "over": frozenset({TicketState.DONE, TicketState.LEFT, TicketState.NO_SHOW}),
}
"""What can be looked at by itself."""
OPEN = frozenset(
    {TicketState.EXPECTED, TicketState.WAITING, TicketState.MISSED, TicketState.CALLED}
)
"""States in which the hospital may still cancel."""
LOOKS: dict[TicketState, tuple[kit.Tone, str]] = {
    TicketState.EXPECTED: ("", "p0"),
    TicketState.WAITING: ("", "p1"),
    TicketState.CALLED: ("go", "sound"),
    TicketState.SERVING: ("go", "p3"),
    TicketState.MISSED: ("warn", "warn"),
    TicketState.DONE: ("ok", "ok"),
    TicketState.LEFT: ("", "ban"),
    TicketState.NO_SHOW: ("", "ban"),
}
LONG, TOO_LONG = 30, 40
"""Minutes of waiting from which a line stands out."""
FIRST = ("pregnant", "active_duty", "other")
"""Why the desk lets somebody go first."""


def register(clinic: Clinic, routes: Routes) -> None:
    """Enter `/queue`."""

    @routes.page(QUEUE, action=Action.APPOINTMENT_CANCEL_FOR_HOSPITAL, title="nav.queue")
    async def queue_page() -> None:
        page = DeskPage(clinic)
        with frame("nav.queue", active=QUEUE) as surroundings:
            with surroundings.slot:
                kit.link_button("line", t("nav.board"), "/board", icon="eye")
            page.build()
        for nth, name in enumerate(PARTS, 1):
            surroundings.shortcut(str(nth), f"queue.part.{name}", partial(page.show, name))
        await page.load()
        on_event(clinic.bus, QueueMoved, do=page.load)


class DeskPage:
    """Counts on top, the list, and the panel of one ticket."""

    def __init__(self, clinic: Clinic) -> None:
        self._clinic = clinic
        self._zone = ZoneInfo(clinic.settings.timezone)
        self._found: list[Line] = []
        self._shown: list[Line] = []
        self._open_key = ""

    def build(self) -> None:
        """Make the elements; `load` fills them."""
        can = viewer().can
        self._may_check_in = can(Action.APPOINTMENT_CHECK_IN)
        self._may_return = can(Action.TICKET_RETURN)
        with kit.side_by_side():
            self._parts = kit.chips(
                t("queue.parts"), self._part_choices(), value="all", on_change=self._filter
            )
        self._doctor = kit.select(
            t("queue.doctor"), {EVERY: t("queue.every_doctor")}, on_change=self._filter
        )
        self._doctor.style("width: min(100%, 320px)")
        columns = [
            kit.Column("number", t("queue.number")),
            kit.Column("patient", t("queue.patient"), phone="title"),
            kit.Column("state", t("queue.state")),
            kit.Column("doctor", t("queue.doctor")),
            kit.Column("slot", t("queue.slot")),
            kit.Column("notes", t("queue.notes")),
        ]
        words = kit.TableWords(
            t("nav.queue"),
            total="queue.total",
            empty_title=t("queue.none"),
            empty_text=t("queue.none_text"),
        )
        answers = kit.Answers(open=self._open, act=self._act)
        with kit.card(flush=True):
            self._table: kit.DataTable[Line] = kit.DataTable(
                columns, self._page, self._row, words, answers, kit.Query(sort="", size=100)
            )
        self._panel = kit.side_panel()

    async def load(self) -> None:
        """Bring the list and its numbers up to date, where they stand."""
        self._found = await self._clinic.waiting_room.worklist(current_actor())
        doctors = {str(each.clinician_id): each.clinician for each in self._found}
        self._offer_doctors(dict(sorted(doctors.items(), key=lambda item: item[1])))
        await self._filter()

    def _offer_doctors(self, doctors: dict[str, str]) -> None:
        choices = {EVERY: t("queue.every_doctor"), **doctors}
        options = [{"value": key, "label": words} for key, words in choices.items()]
        if self._doctor.props.get("options") != options:
            self._doctor.props["options"] = options

    async def show(self, part: str) -> None:
        """Look at one part of the list."""
        self._parts.value = part

    async def _filter(self) -> None:
        doctor = self._doctor.text
        mine = [each for each in self._found if doctor in (EVERY, str(each.clinician_id))]
        self._parts.offer(self._part_choices(mine))
        wanted = PARTS.get(self._parts.value, PARTS["all"])
        self._shown = [each for each in mine if each.state in wanted]
        await self._table.load()

    def _part_choices(self, lines: list[Line] | None = None) -> list[kit.Choice]:
        counts = Counter(each.state for each in lines or ())
        return [
            kit.Choice(
                name,
                t(f"queue.part.{name}"),
                count=None if lines is None else sum(counts[state] for state in states),
            )
            for name, states in PARTS.items()
        ]

    async def _page(self, query: kit.Query) -> kit.Page[Line]:
        part = self._shown[query.offset : query.offset + query.size]
        return kit.Page(part, len(self._shown))

    def _row(self, line: Line) -> kit.Row:
        minutes = self._waited(line)
        return kit.Row(
            str(line.appointment_id),
            {
                "number": kit.Cell(line.number),
                "patient": kit.Cell(line.name, note=self._person(line)),
                "state": self._state(line, minutes),
                "doctor": line.clinician,
                "slot": clock_words(line.slot_at),
                "notes": kit.tags_cell(*_notes(line)),
            },
            name=f"{line.number} {line.name}",
            acts=self._acts(line),
            tone="warn" if minutes >= TOO_LONG or line.state is TicketState.MISSED else "",
            opens=True,
        )

    def _acts(self, line: Line) -> tuple[kit.Act, ...]:
        if line.state is TicketState.EXPECTED and self._may_check_in:
            return (kit.Act("check_in", t("queue.check_in")),)
        if line.state is TicketState.MISSED and self._may_return:
            return (kit.Act("bring_back", t("queue.bring_back")),)
        return ()

    def _waited(self, line: Line) -> int:
        if line.state is not TicketState.WAITING or line.checked_in_at is None:
            return 0
        since = max(line.checked_in_at, line.slot_at)
        return max(0, int((self._clinic.clock.now() - since).total_seconds() // 60))

    def _state(self, line: Line, minutes: int) -> kit.Cell:
        tone, glyph = LOOKS[line.state]
        words = t(f"queue.state.{line.state}")
        if line.state is TicketState.WAITING and minutes:
            words = t("queue.waits", count=minutes)
            tone = "bad" if minutes >= TOO_LONG else "warn" if minutes >= LONG else ""
        elif line.state is TicketState.CALLED:
            words = t("queue.called_times", count=line.calls)
        return kit.state_cell(words, tone, glyph=glyph)

    def _person(self, line: Line) -> str:
        sex = t(f"sex.{line.sex}")
        if not isinstance(line.birth_date, date):
            return sex
        today = self._clinic.clock.now().astimezone(self._zone).date()
        return t("family.sex_years", sex=sex, years=full_years(line.birth_date, today))

    async def _act(self, key: str, name: str) -> None:
        if name == "check_in":
            await self._check_in(UUID(key))
        elif name == "bring_back":
            await self._bring_back(UUID(key))

    async def _check_in(self, appointment_id: UUID, because: str = "") -> None:
        await self._clinic.attendance.check_in(
            current_actor(), appointment_id, first_because=because
        )
        await self._after("queue.checked_in")

    async def _bring_back(self, appointment_id: UUID) -> None:
        await self._clinic.queue.come_back(current_actor(), appointment_id)
        await self._after("queue.brought_back")

    async def _after(self, said: str) -> None:
        self._panel.close()
        self._table.select_row("")
        kit.toast(t(said))
        await self.load()

    def _open(self, key: str) -> None:
        line = next((each for each in self._found if str(each.appointment_id) == key), None)
        if line is None:
            raise NotFound("not_found", what="Ticket", key=key)
        self._table.select_row(key)
        with self._panel.fill(t("queue.ticket", number=line.number, name=line.name)):
            kit.facts(self._facts(line))
            if line.state is TicketState.EXPECTED and self._may_check_in:
                self._offer_check_in(line)
            if line.state is TicketState.MISSED and self._may_return:
                kit.paragraph(t("queue.bring_back_why"), "muted small")
                kit.button(
                    "primary",
                    t("queue.bring_back"),
                    lambda: self._bring_back(line.appointment_id),
                )
            if line.state in OPEN:
                kit.heading(t("queue.cancel"), 3)
                kit.paragraph(t("queue.cancel_why"), "muted small")
                kit.button("stop", t("queue.cancel"), lambda: self._cancel(line))

    def _facts(self, line: Line) -> list[tuple[str, str]]:
        facts = [
            (t("queue.patient"), f"{line.name} {self._person(line)}"),
            (t("queue.state"), t(f"queue.state.{line.state}")),
            (t("queue.doctor"), line.clinician),
            (t("queue.slot"), local(line.slot_at)),
        ]
        if line.checked_in_at:
            facts.append((t("queue.checked_in_at"), local(line.checked_in_at)))
        if line.calls:
            facts.append((t("queue.calls"), str(line.calls)))
        if line.returns:
            facts.append((t("queue.returns"), str(line.returns)))
        if line.reason:
            facts.append((t("timetable.reason"), line.reason))
        return facts

    def _offer_check_in(self, line: Line) -> None:
        kit.heading(t("queue.check_in"), 3)
        with Html("div", "form"):
            choices = {name: t(f"queue.first.{name}") for name in FIRST}
            first = kit.select(t("queue.first"), {"": t("queue.first.no"), **choices})

            async def check_in() -> None:
                because = choices.get(first.text, "")
                await self._check_in(line.appointment_id, because)

            kit.button("primary", t("queue.check_in"), check_in)

    async def _cancel(self, line: Line) -> None:
        self._clinic.transactions.ask_first(current_actor(), Action.APPOINTMENT_CANCEL_FOR_HOSPITAL)
        answer = await kit.confirm(
            t("queue.cancel"),
            t("queue.cancel_text"),
            t("queue.cancel"),
            reason=t("timetable.reason"),
            least=2,
        )
        if answer:
            await self._clinic.booking.cancel_for_hospital(
                current_actor(), line.appointment_id, answer.reason
            )
            await self._after("queue.cancelled")


def _notes(line: Line) -> list[tuple[str, kit.Tone]]:
    notes: list[tuple[str, kit.Tone]] = []
    if line.priority == 1:
        notes.append((t("queue.goes_first"), "info"))
    if line.is_away:
        notes.append((t("queue.is_away"), "warn"))
    if line.returns:
        notes.append((t("queue.came_back"), ""))
    return notes
