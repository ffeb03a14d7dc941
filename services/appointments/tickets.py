"""Keeps each line true to what happens elsewhere: bookings, check-ins, visits. (SOP handlers)"""

from uuid import UUID

from sqlalchemy import select

from data.appointments import Appointment, DayPart, Shift, Slot
from data.clock import new_id
from data.queue import ServedTime, Ticket, TicketState, WaitForecast
from services.appointments import rows
from services.appointments.attendance import FIRST
from services.appointments.limits import LIVING
from services.appointments.line import move_up
from services.notify import Note, Notify
from services.permissions import Action
from services.policy import HOUSE
from services.policy_settings import PolicySettings
from services.transaction import Transaction, Transactions
from services.visit_events import (
    AppointmentCancelled,
    AppointmentConfirmed,
    AppointmentMissed,
    AppointmentMoved,
    EncounterEnded,
    EncounterFailed,
    PatientCheckedIn,
    QueueMoved,
    TicketCalled,
)

LETTERS = {DayPart.MORNING: "A", DayPart.AFTERNOON: "B", DayPart.EVENING: "C"}


class Tickets:
    """The one who hands out numbers."""

    def __init__(self, transactions: Transactions, policy: PolicySettings, notify: Notify) -> None:
        self._transactions = transactions
        self._policy = policy
        self._notify = notify

    async def expect(self, event: AppointmentConfirmed) -> None:
        """Put a sure appointment on the clinician's list, as expected. (R093)

        Unless it was cancelled or missed meanwhile, which may be heard of first: each handler has
        a lane of its own.
        """
        async with self._transactions.open(HOUSE) as tx:
            row = await tx.get(Appointment, event.appointment_id)
            tx.allow(Action.TICKET_SETTLE, row, purpose="expect")
            if row.state not in LIVING or await rows.ticket_of(tx, row.id) is not None:
                return
            ticket = Ticket(
                id=new_id(),
                institution_id=row.institution_id,
                site_id=row.site_id,
                owner_id=row.owner_id,
                patient_id=row.patient_id,
                appointment_id=row.id,
                clinician_id=row.clinician_id,
                department_id=row.department_id,
                number=await _number(tx, row),
                slot_at=row.starts_at,
                slot_ends_at=row.ends_at,
            )
            tx.session.add(ticket)
            rows.moved(tx, ticket)

    async def check_in(self, event: PatientCheckedIn) -> None:
        """Let a patient who is here wait; keep what waiting time they were told. (R093)"""
        async with self._transactions.open(HOUSE) as tx:
            ticket = await rows.known_ticket(tx, event.appointment_id)
            tx.allow(Action.TICKET_SETTLE, ticket, purpose="check_in")
            if ticket.state is not TicketState.EXPECTED:
                return
            ticket.state, ticket.checked_in_at = TicketState.WAITING, tx.now
            ticket.priority = event.priority
            await tx.session.flush()
            await self._foretell(tx, ticket)
            rows.moved(tx, ticket)

    async def _foretell(self, tx: Transaction, ticket: Ticket) -> None:
        """Keep the forecast, so that its error can be known; none while nobody is there."""
        home = ticket.institution_id
        if not await rows.is_there(tx, self._policy, ticket.clinician_id, home):
            return
        line = await rows.line_of(tx, ticket.clinician_id)
        ahead = [each.id for each in line].index(ticket.id)
        pace = await rows.pace_of(tx, self._policy, ticket.clinician_id, home)
        tx.session.add(
            WaitForecast(
                institution_id=home,
                site_id=ticket.site_id,
                ticket_id=ticket.id,
                clinician_id=ticket.clinician_id,
                ahead=ahead,
                made_at=tx.now,
                seconds=round(pace.wait(ahead, tx.now).total_seconds()),
            )
        )

    async def drop(self, event: AppointmentCancelled) -> None:
        """Take a cancelled appointment out of the line."""
        await self._close(event.appointment_id, TicketState.LEFT, event.by)

    async def note_absence(self, event: AppointmentMissed) -> None:
        """Nobody came."""
        await self._close(event.appointment_id, TicketState.NO_SHOW, "")

    async def move(self, event: AppointmentMoved) -> None:
        """Let a ticket follow its appointment to another clinician's line."""
        async with self._transactions.open(HOUSE) as tx:
            ticket = await rows.known_ticket(tx, event.appointment_id)
            tx.allow(Action.TICKET_SETTLE, ticket, purpose="move")
            if ticket.clinician_id == event.clinician_id or ticket.state not in rows.OPEN:
                return
            rows.moved(tx, ticket)
            move_up(await rows.take_line(tx, ticket.clinician_id), ticket.id)
            ticket.clinician_id, ticket.behind = event.clinician_id, 0
            rows.moved(tx, ticket)

    async def finish(self, event: EncounterEnded) -> None:
        """The visit is over; how long it took foretells the next waiting times."""
        async with self._transactions.open(HOUSE) as tx:
            ticket = await rows.known_ticket(tx, event.appointment_id)
            tx.allow(Action.TICKET_SETTLE, ticket, purpose="finish")
            if ticket.state is not TicketState.SERVING:
                return
            ticket.state, ticket.closed_at = TicketState.DONE, tx.now
            tx.session.add(
                ServedTime(
                    institution_id=ticket.institution_id,
                    site_id=ticket.site_id,
                    clinician_id=event.clinician_id,
                    kind=event.kind,
                    seconds=max(1, round((event.ended_at - event.started_at).total_seconds())),
                    ended_at=event.ended_at,
                )
            )
            rows.moved(tx, ticket)

    async def fail(self, event: EncounterFailed) -> None:
        """A visit that broke down through no fault of the patient's goes first. (domain 5.4)"""
        if not event.again:
            return  # the appointment is cancelled, and takes its ticket along
        async with self._transactions.open(HOUSE) as tx:
            ticket = await rows.known_ticket(tx, event.appointment_id)
            tx.allow(Action.TICKET_SETTLE, ticket, purpose="again")
            if ticket.state is not TicketState.SERVING or ticket.attempt != event.attempt:
                return
            ticket.attempt += 1
            ticket.state, ticket.priority, ticket.behind = TicketState.WAITING, FIRST, 0
            ticket.calls, ticket.served_at = 0, None
            rows.moved(tx, ticket)

    async def learn(self, event: TicketCalled) -> None:
        """Write beside the forecast what it came to."""
        async with self._transactions.open(HOUSE) as tx:
            query = select(WaitForecast).where(WaitForecast.ticket_id == event.ticket_id)
            forecast = await tx.session.scalar(query.with_for_update())
            ticket = await tx.session.get(Ticket, event.ticket_id)
            if forecast is None or forecast.came_to is not None or ticket is None:
                return
            tx.allow(Action.TICKET_SETTLE, ticket, purpose="learn")
            called = ticket.called_at or tx.now
            forecast.came_to = round((called - forecast.made_at).total_seconds())

    async def tell_near(self, event: QueueMoved) -> None:
        """Write to whoever is nearly next: 2 ahead, and not told yet. (domain 5.3)"""
        near = self._policy.number("policy.queue.notify_ahead", event.institution_id)
        async with self._transactions.open(HOUSE) as tx:
            line = await rows.line_of(tx, event.clinician_id)
            untold = [ticket for ticket in line[: near + 1] if not ticket.told_near]
            if not untold or not await rows.is_there(
                tx, self._policy, event.clinician_id, event.institution_id
            ):
                return
            for ticket in untold:
                tx.allow(Action.TICKET_SETTLE, ticket, purpose="near")
                ticket.told_near = True
                await self._tell(tx, ticket, line.index(ticket))

    async def _tell(self, tx: Transaction, ticket: Ticket, ahead: int) -> None:
        if ticket.owner_id is None:
            return
        note = Note(
            "turn_near",
            f"near:{ticket.id}:{ticket.returns}",
            ticket.institution_id,
            to=ticket.owner_id,
            values={"count": ahead},
            link=f"/visits/{ticket.appointment_id}",
            opens_until=tx.now + rows.OPEN_FOR,
        )
        await self._notify.tell(tx, note)

    async def _close(self, appointment_id: UUID, state: TicketState, words: str) -> None:
        async with self._transactions.open(HOUSE) as tx:
            found = await rows.ticket_of(tx, appointment_id)
            if found is None:
                return  # it was never sure
            ticket = await tx.get(Ticket, found.id)
            tx.allow(Action.TICKET_SETTLE, ticket, purpose=words or str(state))
            if ticket.state not in rows.OPEN:
                return
            was_served = ticket.state is TicketState.SERVING
            move_up(await rows.take_line(tx, ticket.clinician_id), ticket.id)
            ticket.state = TicketState.DONE if was_served else state
            ticket.state_reason, ticket.closed_at = words, tx.now
            tx.forget(f"call:{ticket.id}")
            rows.moved(tx, ticket)


async def _number(tx: Transaction, row: Appointment) -> str:
    """Return what the board calls: a letter for the part of the day, the place's number in it."""
    query = (
        select(Shift.part, Slot.seq)
        .join(Slot, Slot.shift_id == Shift.id)
        .where(Slot.id == row.slot_id)
    )
    part, seq = (await tx.session.execute(query)).one()
    return f"{LETTERS[part]}{seq + 1:03d}"
