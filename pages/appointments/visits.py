"""One's own visits, and one of them with what to do next: one button at a time. (我的就诊)"""

from datetime import timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from nicegui import ui

from data.errors import NotFound
from pages import kit
from pages.appointments.waiting_list import WaitingFor
from pages.kit.element import Html
from pages.live import on_event
from pages.nameplate import Nameplate
from pages.routes import Routes
from pages.session import current_actor
from pages.shell import action_bar, patient_frame
from pages.words import clock, day, language, listed, local, money, t
from services.appointments.booking import AppointmentState
from services.appointments.queue import TicketState
from services.appointments.visits import Visit
from services.appointments.waiting_room import Turn
from services.clinic import Clinic
from services.policy import Action
from services.records.preparation import PreparationView, RedFlags
from services.visit_events import (
    AppointmentCancelled,
    AppointmentConfirmed,
    AppointmentExpired,
    AppointmentMissed,
    AppointmentMoved,
    EncounterEnded,
    EncounterTerminated,
    OrderOpened,
    PatientCheckedIn,
    QueueMoved,
    TicketCalled,
    TicketEntered,
)

VISITS = "/visits"
VISIT = "/visits/{appointment_id}"
TONES: dict[AppointmentState, kit.Tone] = {
    AppointmentState.CREATED: "warn",
    AppointmentState.CONFIRMED: "ok",
    AppointmentState.CHECKED_IN: "go",
    AppointmentState.IN_CONSULT: "go",
    AppointmentState.COMPLETED: "ok",
}
SPREAD = 0.25
"""How far a waiting time is told as a range, either way."""


def register(clinic: Clinic, routes: Routes) -> None:
    """Enter `/visits` and `/visits/{appointment_id}`."""
    plate = Nameplate(clinic)

    @routes.page(VISITS, action=Action.TICKET_READ, title="visits.title")
    async def visits_page() -> None:
        actor = current_actor()
        coming = await clinic.visits.coming(actor)
        past, _ = await clinic.visits.past(actor)
        waiting = WaitingFor(clinic)
        await waiting.load()
        with patient_frame("visits.title", back="/", phone=await plate.phone()):
            waiting.build()
            _listed(t("visits.coming"), coming, clinic)
            _listed(t("visits.past"), past, clinic)
            with action_bar():
                kit.link_button("primary", t("book.title"), "/book", block=True, large=True)

    @routes.page(VISIT, action=Action.TICKET_READ, title="visits.one")
    async def visit_page(appointment_id: UUID) -> None:
        page = VisitPage(clinic, appointment_id)
        await page.load()
        with patient_frame("visits.one", back=VISITS, phone=await plate.phone()):
            page.build()
        on_event(
            clinic.bus,
            *(AppointmentCancelled, AppointmentConfirmed, AppointmentExpired, AppointmentMissed),
            *(AppointmentMoved, OrderOpened, PatientCheckedIn, TicketCalled, TicketEntered),
            *(EncounterEnded, EncounterTerminated),
            do=page.refresh,
            when=lambda event: event.appointment_id == appointment_id,
        )
        on_event(clinic.bus, QueueMoved, do=page.refresh, when=page.is_mine)


def _listed(title: str, visits: list[Visit], clinic: Clinic) -> None:
    kit.heading(title)
    if not visits:
        kit.paragraph(t("visits.none"), "muted")
        return
    now = clinic.clock.now()
    with kit.card(flush=True), Html("div", "rows"):
        for visit in visits:
            head = f"{local(visit.starts_at, now=now)} {visit.clinician}"
            note = f"{visit.patient}, {t(f'appointment.{visit.state}')}"
            kit.line(head, note, icon="calendar", href=f"{VISITS}/{visit.id}")


class VisitPage:
    """One visit: how it stands above, what to do now below."""

    def __init__(self, clinic: Clinic, appointment_id: UUID) -> None:
        self._clinic = clinic
        self._id = appointment_id
        self._zone = ZoneInfo(clinic.settings.timezone)

    async def load(self) -> None:
        """Read everything that is shown."""
        actor = current_actor()
        self._visit: Visit = await self._clinic.visits.one(actor, self._id)
        self._turn: Turn | None = None
        self._prepared: PreparationView | None = None
        self._bill = None
        if self._visit.is_coming:
            self._prepared = await self._clinic.preparations.of(actor, self._id)
        if self._visit.state is AppointmentState.CREATED:
            self._bill = await self._clinic.bills.of_visit(actor, self._id)
        else:
            try:
                self._turn = await self._clinic.waiting_room.turn(actor, self._id)
            except NotFound:  # the ticket follows in a moment
                self._turn = None

    def is_mine(self, event: QueueMoved) -> bool:
        """Whether a line that has moved is this visit's."""
        return event.clinician_id == self._visit.clinician_id

    def build(self) -> None:
        """Make the elements, and show how it stands."""
        self._state = Html("div", "stack").attribute("aria-live", "polite")
        self._links = Html("div", "stack")
        with action_bar():
            self._bar = Html("div", "actionbar__row")
        self._show()

    async def refresh(self) -> None:
        """Bring the page up to date; a call opens the room by itself."""
        await self.load()
        if self._turn and self._turn.state is TicketState.CALLED and not self._turn.is_away:
            await self._enter()
            return
        self._show()

    def _show(self) -> None:
        for part in (self._state, self._links, self._bar):
            part.clear()
        with self._state:
            self._card()
        with self._links:
            self._ways()
        with self._bar:
            self._next()

    def _card(self) -> None:
        visit, now = self._visit, self._clinic.clock.now()
        tone = TONES.get(visit.state, "warn")
        with kit.card(lift=True):
            kit.state(t(f"appointment.{visit.state}"), tone)
            Html("p", "price", local(visit.starts_at, now=now))
            doctor = f"{visit.clinician} {visit.title}".strip()
            kit.facts(
                [
                    (t("visits.doctor"), doctor),
                    (t("visits.department"), visit.department),
                    (t("visits.kind"), visit.kind_names.get(language(), visit.kind)),
                    (t("visits.patient"), visit.patient),
                    (t("visits.price"), money(visit.price_fen)),
                ]
            )
        if self._turn is not None:
            self._waiting(self._turn)
        if self._prepared and self._prepared.red_flags is RedFlags.FOUND:
            kit.banner("bad", t("emergency.title_patient"), t("error.red_flag_found"))
        elif self._prepared and self._prepared.missing and self._open:
            steps = [t(f"prepare.{name}") for name in self._prepared.missing]
            kit.banner("info", t("visits.still_to_do"), listed(steps))

    def _waiting(self, turn: Turn) -> None:
        """The line as it is now; never a time while nobody is there. (domain 5.3)"""
        if turn.state is TicketState.CALLED:
            kit.banner("ok", t("waiting.called"), t("waiting.called_text"))
        elif turn.state is TicketState.SERVING:
            kit.banner("ok", t("waiting.serving"), t("waiting.serving_text"))
        elif turn.state is TicketState.MISSED:
            kit.banner("warn", t("waiting.missed"), t("waiting.missed_text"))
        elif turn.state is TicketState.WAITING:
            with kit.card(t("waiting.number", number=turn.number)):
                if turn.is_there:
                    kit.state(t("waiting.doctor_there"), "ok")
                else:
                    kit.state(t("waiting.doctor_away"), "warn")
                ahead = t("waiting.ahead", count=turn.ahead) if turn.ahead else t("waiting.next")
                Html("p", "price", ahead)
                kit.paragraph(self._foretold(turn), "muted")
                if turn.is_away:
                    kit.paragraph(t("waiting.will_call"), "muted")

    def _foretold(self, turn: Turn) -> str:
        if turn.waits is None:
            return t("waiting.unknown")
        least, most = turn.waits * (1 - SPREAD), turn.waits * (1 + SPREAD)
        low, high = (max(1, round(each / timedelta(minutes=1))) for each in (least, most))
        until = clock(self._clinic.clock.now() + turn.waits)
        if low == high:
            return t("waiting.minutes", count=high, time=until)
        return t("waiting.minutes_range", low=low, high=high, time=until)

    @property
    def _open(self) -> bool:
        return self._visit.state in (AppointmentState.CREATED, AppointmentState.CONFIRMED)

    def _next(self) -> None:
        """The one thing to do next."""
        visit, now = self._visit, self._clinic.clock.now()
        ready = self._prepared is not None and self._prepared.is_ready
        if visit.state is AppointmentState.CREATED:
            if self._bill is not None:
                href = f"/pay/{self._bill.order_id}"
                words = t("visits.pay", amount=money(visit.price_fen))
                kit.link_button("go", words, href, block=True, large=True)
        elif visit.state is AppointmentState.CONFIRMED and not ready:
            href = f"/prepare/{visit.id}"
            kit.link_button("go", t("visits.prepare"), href, block=True, large=True)
        elif visit.state is AppointmentState.CONFIRMED:
            if now < visit.check_in_from:
                opens = visit.check_in_from.astimezone(self._zone)
                when = f"{day(opens.date(), now=now)} {clock(opens)}"
                words = t("visits.check_in_from", time=when)
                kit.paragraph(words, "muted")
            else:
                kit.button("go", t("visits.check_in"), self._check_in, block=True, large=True)
        elif self._turn is not None and self._turn.state is TicketState.CALLED:
            kit.button("go", t("waiting.enter"), self._enter, block=True, large=True)
        elif self._turn is not None and self._turn.may_return:
            kit.button("go", t("waiting.come_back"), self._come_back, block=True, large=True)
        elif self._turn is not None and self._turn.state is TicketState.WAITING:
            words = t("waiting.here") if self._turn.is_away else t("waiting.away")
            kit.button("line", words, self._step_away, block=True, large=True)
        elif not visit.is_coming:
            href = f"/book/{visit.clinician_id}"
            kit.link_button("primary", t("visits.again"), href, block=True, large=True)

    def _ways(self) -> None:
        visit = self._visit
        if visit.is_coming:
            with kit.card(flush=True), Html("div", "rows"):
                note = t("visits.prepare_note")
                kit.line(t("visits.prepare"), note, icon="check", href=f"/prepare/{visit.id}")
        if visit.state is AppointmentState.CONFIRMED:
            href = f"{VISITS}/{visit.id}/calendar.ics"
            kit.link_button("quiet", t("visits.calendar"), href, icon="calendar", block=True)
        if self._open:
            kit.button("quiet", t("visits.cancel"), self._cancel, block=True)
        elif self._turn is not None and self._turn.state in (
            *(TicketState.WAITING, TicketState.MISSED),
        ):
            kit.button("quiet", t("waiting.leave"), self._leave, block=True)

    async def _check_in(self) -> None:
        with kit.told():
            await self._clinic.attendance.check_in(current_actor(), self._id)
            await self.refresh()

    async def _enter(self) -> None:
        with kit.told():
            await self._clinic.queue.enter(current_actor(), self._id)
            await self.load()
            self._show()

    async def _come_back(self) -> None:
        with kit.told():
            await self._clinic.queue.come_back(current_actor(), self._id)
            await self.refresh()

    async def _step_away(self) -> None:
        away = self._turn is not None and not self._turn.is_away
        with kit.told():
            await self._clinic.queue.step_away(current_actor(), self._id, away=away)
            await self.refresh()

    async def _leave(self) -> None:
        if await kit.confirm(t("waiting.leave_title"), t("waiting.leave_text"), t("waiting.leave")):
            with kit.told():
                await self._clinic.queue.leave(current_actor(), self._id)
                await self.refresh()

    async def _cancel(self) -> None:
        text = t("visits.cancel_text")
        if await kit.confirm(t("visits.cancel_title"), text, t("visits.cancel")):
            with kit.told():
                await self._clinic.booking.cancel(current_actor(), self._id)
                ui.navigate.to(VISITS)
