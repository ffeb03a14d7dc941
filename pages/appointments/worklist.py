"""The doctor's list of today: who waits, who is next, one button to call them. (接诊)"""

from datetime import timedelta
from functools import partial
from typing import Any

from nicegui import context, ui

from pages import kit
from pages.kit.element import Html
from pages.live import on_event
from pages.routes import Routes
from pages.session import current_actor
from pages.shell import frame
from pages.words import clock, t
from services.ages import full_years
from services.appointments.queue import TicketState
from services.appointments.waiting_room import Line
from services.clinic import Clinic
from services.policy import Action
from services.visit_events import QueueMoved
from services.workbench.encounters import EncounterView, Termination

WORKLIST = "/worklist"
BEAT = "policy.queue.doctor_heartbeat_seconds"
TONES: dict[TicketState, Any] = {
    TicketState.SERVING: "go",
    TicketState.CALLED: "go",
    TicketState.WAITING: "ok",
    TicketState.MISSED: "warn",
}
IN_ROOM = (TicketState.CALLED, TicketState.SERVING)


def register(clinic: Clinic, routes: Routes) -> None:
    """Enter `/worklist`."""

    @routes.page(WORKLIST, action=Action.TICKET_CALL, title="nav.worklist")
    async def worklist_page() -> None:
        page = WorklistPage(clinic)
        await page.load()
        with frame("nav.worklist", active=WORKLIST) as shell:
            page.build()
            shell.shortcut("n", "worklist.call_next", page.call_next)
        me = current_actor().user_id
        on_event(clinic.bus, QueueMoved, do=page.refresh, when=lambda e: e.clinician_id == me)
        ui.timer(clinic.policy.number(BEAT), page.beat)
        await page.beat()


class WorklistPage:
    """Above who is in the room, below the line in its order."""

    def __init__(self, clinic: Clinic) -> None:
        self._clinic = clinic
        self._client = context.client

    async def load(self) -> None:
        """Read the line, and the visit that is under way."""
        actor = current_actor()
        self._lines: list[Line] = await self._clinic.waiting_room.worklist(actor)
        self._inside = next((each for each in self._lines if each.state in IN_ROOM), None)
        self._visit: EncounterView | None = None
        if self._inside is not None:
            self._visit = await self._clinic.encounters.of(actor, self._inside.appointment_id)

    async def refresh(self) -> None:
        """Bring the page up to date."""
        await self.load()
        self._show()

    async def beat(self) -> None:
        """Say that the doctor is at work, as long as this page is open."""
        if not self._client.is_deleted:
            await self._clinic.presences.beat(current_actor())

    def build(self) -> None:
        """Make the elements, and show what there is."""
        self._room = Html("div", "stack").attribute("aria-live", "polite")
        self._list = Html("div", "stack")
        self._show()

    def _show(self) -> None:
        self._room.clear()
        self._list.clear()
        with self._room:
            if self._inside is None:
                self._free()
            else:
                self._busy(self._inside)
        with self._list:
            self._table()

    def _free(self) -> None:
        waiting = [each for each in self._lines if each.state is TicketState.WAITING]
        with kit.card(lift=True):
            kit.heading(t("worklist.waiting", count=len(waiting)))
            if waiting:
                kit.paragraph(t("worklist.next_is", who=self._who(waiting[0])), "muted")
                kit.button("go", t("worklist.call_next"), self.call_next, large=True)
            else:
                kit.paragraph(t("worklist.nobody"), "muted")

    def _busy(self, line: Line) -> None:
        called = line.state is TicketState.CALLED
        with kit.card(lift=True):
            kit.state(t(f"ticket.{line.state}"), "go")
            kit.heading(self._who(line))
            with kit.side_by_side():
                if called:
                    again = t("worklist.call_again", count=line.calls)
                    kit.button("primary", again, partial(self._call_again, line))
                    kit.button("line", t("worklist.skip"), partial(self._skip, line))
                elif self._visit is not None:
                    kit.button("go", t("worklist.end"), partial(self._end, self._visit))
                    kit.button("line", t("worklist.break_off"), self._ask_why)
            self._why = Html("div", "stack")

    def _table(self) -> None:
        if not self._lines:
            kit.empty(t("worklist.empty"), t("worklist.empty_text"))
            return
        now = self._clinic.clock.now()
        with Html("div", "table-wrap"), Html("table", "table"):
            with Html("thead"), Html("tr"):
                for name in ("number", "time", "patient", "state", "waited", "actions"):
                    Html("th", text=t(f"worklist.{name}"), scope="col")
            with Html("tbody"):
                for line in self._lines:
                    self._row(line, now - (line.checked_in_at or now))

    def _row(self, line: Line, waited: timedelta) -> None:
        waits = line.state is TicketState.WAITING
        minutes = t("worklist.minutes", count=int(waited.total_seconds() // 60)) if waits else ""
        with Html("tr"):
            Html("td", text=line.number)
            Html("td", text=clock(line.slot_at))
            Html("td", text=self._who(line))
            with Html("td"):
                kit.state(t(f"ticket.{line.state}"), TONES.get(line.state, ""))
                if line.priority == 1:
                    kit.tag(t("worklist.first"), "warn")
                if line.is_away:
                    kit.tag(t("worklist.away"))
            Html("td", text=minutes)
            with Html("td"):
                if waits:
                    kit.button("quiet", t("worklist.skip"), partial(self._skip, line))

    def _who(self, line: Line) -> str:
        now = self._clinic.clock.now()
        years = full_years(line.birth_date, now.date())
        return t("worklist.person", name=line.name, sex=t(f"sex.{line.sex}"), years=years)

    async def call_next(self) -> None:
        """Call the next patient."""
        with kit.told():
            await self._clinic.queue.call_next(current_actor())
            await self.refresh()

    async def _call_again(self, line: Line) -> None:
        with kit.told():
            await self._clinic.queue.call_again(current_actor(), line.ticket_id)
            await self.refresh()

    async def _skip(self, line: Line) -> None:
        label = t("worklist.reason")
        answer = await kit.confirm(
            t("worklist.skip_title", who=self._who(line)),
            t("worklist.skip_text"),
            t("worklist.skip"),
            reason=label,
            least=2,
        )
        if answer:
            with kit.told():
                actor = current_actor()
                await self._clinic.queue.skip(actor, line.ticket_id, answer.reason)
                await self.refresh()

    async def _end(self, visit: EncounterView) -> None:
        text = t("worklist.end_text")
        if await kit.confirm(t("worklist.end_title"), text, t("worklist.end")):
            with kit.told():
                await self._clinic.encounters.end(current_actor(), visit.id)
                await self.refresh()

    def _ask_why(self) -> None:
        """Ask why a visit is broken off, and where the patient is to go. (R-FU-3)"""
        self._why.clear()
        with self._why:
            codes = {str(code): t(f"termination.{code}") for code in Termination}
            code = kit.select(t("worklist.code"), codes)
            words = kit.text_area(t("worklist.referral"), lines=2)

            async def break_off() -> None:
                with kit.told():
                    if self._visit is not None:
                        chosen = Termination(code.text)
                        actor, visit_id = current_actor(), self._visit.id
                        await self._clinic.encounters.terminate(actor, visit_id, chosen, words.text)
                        await self.refresh()

            kit.button("stop", t("worklist.break_off"), break_off)
