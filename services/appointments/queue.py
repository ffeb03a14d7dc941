"""Calls patients from the line, lets them come, miss, come back and leave. (候诊, domain 5.3)"""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from data.errors import Conflict, Unauthenticated
from data.queue import Ticket, TicketState
from services.appointments import rows
from services.appointments.line import move_up
from services.appointments.presence import is_gone
from services.appointments.shifts import worded
from services.inquiries import Clinicians
from services.permissions import Action
from services.policy import HOUSE, Actor, Subject
from services.policy_settings import PolicySettings
from services.transaction import Transaction, Transactions
from services.visit_events import (
    TicketCalled,
    TicketEntered,
    TicketLeft,
    TicketUnanswered,
    VisitForgone,
)

__all__ = ["Called", "Queue", "TicketState"]


@dataclass(frozen=True, slots=True)
class Called:
    """Who was called."""

    ticket_id: UUID
    appointment_id: UUID
    patient_id: UUID
    number: str
    calls: int


class Queue:
    """The line in front of each clinician's door."""

    def __init__(
        self,
        transactions: Transactions,
        policy: PolicySettings,
        clinicians: Clinicians,
        zone: ZoneInfo,
    ) -> None:
        self._transactions = transactions
        self._policy = policy
        self._clinicians = clinicians
        self._zone = zone

    async def call_next(self, actor: Actor) -> Called:
        """Call the next patient of one's own line.

        Raise `Unauthenticated("confirm_needed")` if one has not proved for hours who one is
        (R-STF-2), `Conflict`: `patient_in_room`, `nobody_waits`, and as `Clinicians.may_treat`,
        for papers may have ended since the booking (R-STF-1, R-STF-5).
        """
        async with self._transactions.open(actor) as tx:
            line = await rows.take_line(tx, actor.user_id)
            mine = Subject("ticket", "", actor.home, clinician_id=actor.user_id)
            tx.allow(Action.TICKET_CALL, line[0] if line else mine)
            self._require_proof(tx)
            if await rows.tickets(tx, actor.user_id, rows.IN_ROOM):
                raise Conflict("patient_in_room")
            if not line:
                raise Conflict("nobody_waits")
            ticket = await tx.get(Ticket, line[0].id)
            today = tx.now.astimezone(self._zone).date()
            await self._clinicians.may_treat(tx, actor.user_id, ticket.department_id, today)
            move_up(line, ticket.id)
            self._call(tx, ticket)
            return tx.answer(_called(ticket))

    async def call_again(self, actor: Actor, ticket_id: UUID) -> Called:
        """Call somebody once more who has not come; after the last time they are missed.

        Raise `Conflict`: `ticket_not_called`, `called_often_enough` (then `skip`).
        """
        async with self._transactions.open(actor) as tx:
            ticket = await tx.get(Ticket, ticket_id)
            tx.allow(Action.TICKET_CALL, ticket, purpose="again")
            self._require_proof(tx)
            if ticket.state is not TicketState.CALLED:
                raise Conflict("ticket_not_called")
            if ticket.calls >= self._number("max_calls", ticket):
                raise Conflict("called_often_enough")
            self._call(tx, ticket)
            return tx.answer(_called(ticket))

    async def skip(self, actor: Actor, ticket_id: UUID, reason: str) -> None:
        """Pass somebody over who waits or was called; they may come back. (过号)

        Raise `Invalid("reason_needed")`, `Conflict("ticket_not_waiting")`.
        """
        words = worded(reason)
        async with self._transactions.open(actor) as tx:
            ticket = await tx.get(Ticket, ticket_id)
            tx.allow(Action.TICKET_CALL, ticket, purpose=words)
            if ticket.state not in (TicketState.WAITING, TicketState.CALLED):
                raise Conflict("ticket_not_waiting")
            await self._miss(tx, ticket, words)

    async def enter(self, actor: Actor, appointment_id: UUID) -> None:
        """Come in when called; to come in twice does nothing. Raise
        `Conflict("ticket_not_called")`."""
        async with self._transactions.open(actor) as tx:
            ticket = await rows.known_ticket(tx, appointment_id)
            tx.allow(Action.TICKET_ENTER, ticket)
            if ticket.state is TicketState.SERVING:
                return
            if ticket.state is not TicketState.CALLED:
                raise Conflict("ticket_not_called")
            ticket.state, ticket.served_at, ticket.is_away = TicketState.SERVING, tx.now, False
            tx.forget(_timer(ticket))
            tx.announce(
                TicketEntered(
                    ticket_id=ticket.id,
                    appointment_id=ticket.appointment_id,
                    clinician_id=ticket.clinician_id,
                    attempt=ticket.attempt,
                    institution_id=ticket.institution_id,
                )
            )
            rows.moved(tx, ticket)

    async def come_back(self, actor: Actor, appointment_id: UUID) -> None:
        """Wait again after having missed the call: behind the next few. (过号重排)

        Raise `Conflict`: `ticket_not_missed`, `returned_often_enough`.
        """
        async with self._transactions.open(actor) as tx:
            ticket = await rows.known_ticket(tx, appointment_id)
            tx.allow(Action.TICKET_RETURN, ticket)
            if ticket.state is TicketState.WAITING:
                return
            if ticket.state is not TicketState.MISSED:
                raise Conflict("ticket_not_missed")
            line = await rows.take_line(tx, ticket.clinician_id)
            ticket.behind = min(self._number("return_after", ticket), len(line))
            ticket.returns += 1
            ticket.calls, ticket.told_near = 0, False
            ticket.state, ticket.state_reason = TicketState.WAITING, ""
            rows.moved(tx, ticket)

    async def step_away(self, actor: Actor, appointment_id: UUID, *, away: bool) -> None:
        """Say that one leaves the page and is to be called back, or is here again."""
        async with self._transactions.open(actor) as tx:
            ticket = await rows.known_ticket(tx, appointment_id)
            tx.allow(Action.TICKET_LEAVE, ticket, purpose="away" if away else "here")
            if ticket.state not in rows.OPEN:
                raise Conflict("ticket_not_waiting")
            ticket.is_away = away

    async def leave(self, actor: Actor, appointment_id: UUID) -> None:
        """Give up waiting for good; who has waited in vain for a doctor is paid back.

        Raise `Conflict("ticket_not_waiting")`.
        """
        async with self._transactions.open(actor) as tx:
            ticket = await rows.known_ticket(tx, appointment_id)
            tx.allow(Action.TICKET_LEAVE, ticket, purpose="for good")
            if ticket.state is TicketState.LEFT:
                return
            if ticket.state not in (TicketState.WAITING, TicketState.MISSED, TicketState.CALLED):
                raise Conflict("ticket_not_waiting")
            move_up(await rows.take_line(tx, ticket.clinician_id), ticket.id)
            ticket.state, ticket.closed_at = TicketState.LEFT, tx.now
            tx.forget(_timer(ticket))
            tx.announce(
                TicketLeft(
                    appointment_id=ticket.appointment_id,
                    institution_id=ticket.institution_id,
                    refund=await is_gone(tx, ticket.clinician_id),
                )
            )
            rows.moved(tx, ticket)

    async def miss(self, event: TicketUnanswered) -> None:
        """Nobody has come in the time after a call (by the timer)."""
        async with self._transactions.open(HOUSE) as tx:
            ticket = await tx.get(Ticket, event.ticket_id)
            tx.allow(Action.TICKET_SETTLE, ticket, purpose="missed")
            if ticket.state is TicketState.CALLED and ticket.calls == event.calls:
                await self._miss(tx, ticket, "")

    async def _miss(self, tx: Transaction, ticket: Ticket, words: str) -> None:
        if ticket.state is TicketState.WAITING:
            move_up(await rows.take_line(tx, ticket.clinician_id), ticket.id)
        gone = ticket.returns >= self._number("max_returns", ticket)
        ticket.state = TicketState.NO_SHOW if gone else TicketState.MISSED
        ticket.state_reason = words
        tx.forget(_timer(ticket))
        if gone:
            ticket.closed_at = tx.now
            tx.announce(
                VisitForgone(
                    appointment_id=ticket.appointment_id, institution_id=ticket.institution_id
                )
            )
        rows.moved(tx, ticket)

    def _call(self, tx: Transaction, ticket: Ticket) -> None:
        ticket.state, ticket.called_at = TicketState.CALLED, tx.now
        ticket.calls += 1
        ticket.behind = 0
        minutes = self._number("call_timeout_minutes", ticket)
        due = TicketUnanswered(ticket_id=ticket.id, calls=ticket.calls)
        tx.later(_timer(ticket), tx.now + timedelta(minutes=minutes), due)
        tx.announce(
            TicketCalled(
                ticket_id=ticket.id,
                appointment_id=ticket.appointment_id,
                patient_id=ticket.patient_id,
                account_id=ticket.owner_id,
                clinician_id=ticket.clinician_id,
                number=ticket.number,
                calls=ticket.calls,
                attempt=ticket.attempt,
                institution_id=ticket.institution_id,
            )
        )
        rows.moved(tx, ticket)

    def _require_proof(self, tx: Transaction) -> None:
        """R-STF-2: whoever takes patients has shown within hours that it is really them."""
        hours = self._policy.number("policy.staff.reauth_max_age_hours", tx.actor.institution_id)
        shown = tx.actor.confirmed_at
        if shown is None or tx.now - shown > timedelta(hours=hours):
            raise Unauthenticated("confirm_needed")

    def _number(self, name: str, ticket: Ticket) -> int:
        return self._policy.number(f"policy.queue.{name}", ticket.institution_id)


def _called(ticket: Ticket) -> Called:
    return Called(ticket.id, ticket.appointment_id, ticket.patient_id, ticket.number, ticket.calls)


def _timer(ticket: Ticket) -> str:
    return f"call:{ticket.id}"
