"""What the parts of the line read and write together, each within its caller's unit of work."""

from collections.abc import Collection
from datetime import timedelta
from uuid import UUID

from sqlalchemy import select

from data.errors import NotFound
from data.queue import Presence, ServedTime, Ticket, TicketState
from data.turns import take_turn
from services.appointments.line import Pace, in_order, usual_time
from services.policy_settings import PolicySettings
from services.transaction import Reading, Transaction
from services.visit_events import QueueMoved

LATEST = 10
"""Visits from which a clinician's pace is taken. (domain 5.3)"""
BEATS_MISSED = 3
"""Heartbeats without which somebody is not there."""
OPEN_FOR = timedelta(hours=2)
"""How long after a visit's time the link in a message about it still lets the receiver in."""
IN_ROOM = (TicketState.CALLED, TicketState.SERVING)
HERE = (TicketState.WAITING, *IN_ROOM, TicketState.MISSED)
OPEN = (TicketState.EXPECTED, *HERE)


async def take_line(tx: Transaction, clinician_id: UUID) -> list[Ticket]:
    """Return who waits for a clinician, in order; nobody else changes that line meanwhile."""
    await take_turn(tx.session, "line", clinician_id)
    return await line_of(tx, clinician_id)


async def line_of(tx: Reading, clinician_id: UUID) -> list[Ticket]:
    """Return who waits for a clinician, in order."""
    return in_order(await tickets(tx, clinician_id, [TicketState.WAITING]))


async def tickets(tx: Reading, clinician_id: UUID, states: Collection[TicketState]) -> list[Ticket]:
    """Return a clinician's tickets in these states."""
    query = select(Ticket).where(Ticket.clinician_id == clinician_id, Ticket.state.in_(states))
    return list(await tx.session.scalars(query))


async def ticket_of(tx: Reading, appointment_id: UUID) -> Ticket | None:
    """Return an appointment's ticket, if it has one yet."""
    query = select(Ticket).where(Ticket.appointment_id == appointment_id)
    return await tx.session.scalar(query)


async def known_ticket(tx: Transaction, appointment_id: UUID) -> Ticket:
    """Return an appointment's ticket, kept from others, or raise `NotFound`."""
    found = await ticket_of(tx, appointment_id)
    if found is None:
        raise NotFound("not_found", what="Ticket", key=str(appointment_id))
    return await tx.get(Ticket, found.id)


async def pace_of(tx: Reading, policy: PolicySettings, clinician_id: UUID, home: UUID) -> Pace:
    """Return how long a clinician's visits take, by the latest ones."""
    query = (
        select(ServedTime.seconds)
        .where(ServedTime.clinician_id == clinician_id)
        .order_by(ServedTime.ended_at.desc())
        .limit(LATEST)
    )
    seconds = list(await tx.session.scalars(query))
    serving = select(Ticket.served_at).where(
        Ticket.clinician_id == clinician_id, Ticket.state == TicketState.SERVING
    )
    return Pace(
        usual_time(seconds, policy.span("policy.queue.default_visit_minutes", home)),
        len(seconds),
        await tx.session.scalar(serving),
    )


async def is_there(tx: Reading, policy: PolicySettings, clinician_id: UUID, home: UUID) -> bool:
    """Tell whether a clinician is at work at this moment, by their heartbeat."""
    query = select(Presence.last_beat_at).where(Presence.owner_id == clinician_id)
    last = await tx.session.scalar(query)
    beat = policy.number("policy.queue.doctor_heartbeat_seconds", home)
    return last is not None and tx.now - last <= timedelta(seconds=BEATS_MISSED * beat)


def moved(tx: Transaction, ticket: Ticket) -> None:
    """Tell whoever shows this line to read it again."""
    tx.announce(QueueMoved(clinician_id=ticket.clinician_id, institution_id=ticket.institution_id))
