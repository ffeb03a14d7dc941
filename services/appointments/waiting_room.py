"""What each side sees of the line: the patient's place, the doctor's list, the hall. (候诊)"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select

from data.errors import NotFound
from data.queue import Ticket, TicketState
from services.appointments import rows
from services.appointments.line import Pace, in_order
from services.inquiries import Clinicians, Persons
from services.masking import mask_name
from services.permissions import Action
from services.policy import Actor, Subject, visible
from services.policy_settings import PolicySettings
from services.transaction import Reading, Transactions


@dataclass(frozen=True, slots=True)
class Turn:
    """One's own place in the line, as it is known now."""

    appointment_id: UUID
    number: str
    state: TicketState
    ahead: int
    """How many go first, not counting who is in the room; 0: next."""
    waits: timedelta | None
    """How long it will take; None: nobody can say, for nobody is there."""
    measured: int
    """From how many of the clinician's own visits the time comes."""
    is_there: bool
    """Whether the clinician is at work."""
    slot_at: datetime
    is_away: bool
    calls: int
    called_at: datetime | None
    may_return: bool


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a worklist."""

    ticket_id: UUID
    appointment_id: UUID
    patient_id: UUID
    number: str
    name: str
    """Masked, as in every list."""
    sex: str
    birth_date: date
    state: TicketState
    priority: int
    slot_at: datetime
    checked_in_at: datetime | None
    calls: int
    returns: int
    is_away: bool
    reason: str
    clinician_id: UUID
    clinician: str
    """Whom they wait for."""


@dataclass(frozen=True, slots=True)
class Door:
    """What the hall shows of one clinician: whom they call, who is next."""

    clinician_id: UUID
    name: str
    title: str
    department: str
    is_there: bool
    called: tuple[str, ...]
    """Number and masked name of who is called now."""
    calls: int
    """How often they have been called: more than before means that the hall is to hear it."""
    next: tuple[str, ...]
    waiting: int


class WaitingRoom:
    """The windows on the line."""

    def __init__(
        self,
        transactions: Transactions,
        policy: PolicySettings,
        persons: Persons,
        clinicians: Clinicians,
        zone: ZoneInfo,
    ) -> None:
        self._transactions = transactions
        self._policy = policy
        self._persons = persons
        self._clinicians = clinicians
        self._zone = zone

    async def turn(self, actor: Actor, appointment_id: UUID) -> Turn:
        """Return where in the line a patient is; raise `NotFound` before it is sure."""
        async with self._transactions.read(actor) as tx:
            ticket = await rows.ticket_of(tx, appointment_id)
            if ticket is None:
                raise NotFound("not_found", what="Ticket", key=str(appointment_id))
            tx.allow(Action.TICKET_READ, ticket)
            line = [each.id for each in await rows.line_of(tx, ticket.clinician_id)]
            home = ticket.institution_id
            there = await rows.is_there(tx, self._policy, ticket.clinician_id, home)
            pace = await rows.pace_of(tx, self._policy, ticket.clinician_id, home)
            ahead = line.index(ticket.id) if ticket.id in line else len(line)
            returns = self._policy.number("policy.queue.max_returns", home)
            return Turn(
                appointment_id=appointment_id,
                number=ticket.number,
                state=ticket.state,
                ahead=ahead,
                waits=_wait(ticket, pace, ahead, tx.now) if there else None,
                measured=pace.measured,
                is_there=there,
                slot_at=ticket.slot_at,
                is_away=ticket.is_away,
                calls=ticket.calls,
                called_at=ticket.called_at,
                may_return=ticket.state is TicketState.MISSED and ticket.returns < returns,
            )

    async def worklist(self, actor: Actor, clinician_id: UUID | None = None) -> list[Line]:
        """Return today's tickets that the actor may see: in the room, waiting in order, missed,
        expected, done."""
        async with self._transactions.read(actor) as tx:
            begin = tx.now.astimezone(self._zone).replace(hour=0, minute=0, second=0, microsecond=0)
            query = select(Ticket).where(
                visible(actor, Action.QUEUE_READ, Ticket),
                Ticket.slot_at.between(begin, begin + timedelta(days=1)),
            )
            if clinician_id is not None:
                query = query.where(Ticket.clinician_id == clinician_id)
            found = list(await tx.session.scalars(query.order_by(Ticket.slot_at, Ticket.id)))
            return await self._lines(tx, _arranged(found))

    async def _lines(self, tx: Reading, found: Sequence[Ticket]) -> list[Line]:
        people = await self._persons.persons(tx, {ticket.patient_id for ticket in found})
        staff = await self._clinicians.colleagues(tx, {ticket.clinician_id for ticket in found})
        names = {each.user_id: each.name for each in staff.values()}
        return [
            Line(
                ticket_id=ticket.id,
                appointment_id=ticket.appointment_id,
                patient_id=ticket.patient_id,
                number=ticket.number,
                name=mask_name(person.name),
                sex=person.sex,
                birth_date=person.birth_date,
                state=ticket.state,
                priority=ticket.priority,
                slot_at=ticket.slot_at,
                checked_in_at=ticket.checked_in_at,
                calls=ticket.calls,
                returns=ticket.returns,
                is_away=ticket.is_away,
                reason=ticket.state_reason,
                clinician_id=ticket.clinician_id,
                clinician=names.get(ticket.clinician_id, ""),
            )
            for ticket in found
            if (person := people.get(ticket.patient_id)) is not None
        ]

    async def board(self, actor: Actor) -> list[Door]:
        """Return what the hall shows of every clinician for whom somebody waits or is called."""
        async with self._transactions.read(actor) as tx:
            tx.allow(Action.BOARD_READ, Subject("board", "", actor.home))
            query = select(Ticket).where(
                visible(actor, Action.BOARD_READ, Ticket),
                Ticket.state.in_((TicketState.WAITING, *rows.IN_ROOM)),
            )
            found = list(await tx.session.scalars(query.order_by(Ticket.clinician_id)))
            clinicians = list(dict.fromkeys(ticket.clinician_id for ticket in found))
            staff = await self._clinicians.colleagues(tx, clinicians)
            names = await self._clinicians.departments(tx, {each.department_id for each in found})
            people = await self._persons.persons(tx, {each.patient_id for each in found})
            doors = []
            for clinician_id in clinicians:
                mine = [each for each in found if each.clinician_id == clinician_id]
                line = in_order(each for each in mine if each.state is TicketState.WAITING)
                called = [each for each in mine if each.state in rows.IN_ROOM]
                person = staff.get(clinician_id)
                doors.append(
                    Door(
                        clinician_id=clinician_id,
                        name=person.name if person else "",
                        title=person.title if person else "",
                        department=names.get(mine[0].department_id, ""),
                        is_there=await rows.is_there(
                            tx, self._policy, clinician_id, mine[0].institution_id
                        ),
                        called=tuple(
                            f"{each.number} {mask_name(people[each.patient_id].name)}"
                            for each in called
                            if each.patient_id in people
                        ),
                        calls=sum(each.calls for each in called),
                        next=tuple(each.number for each in line[:3]),
                        waiting=len(line),
                    )
                )
            return doors


def _wait(ticket: Ticket, pace: Pace, ahead: int, now: datetime) -> timedelta | None:
    """Return how long it will take; before check-in at least until one's own time."""
    if ticket.state is TicketState.WAITING:
        return pace.wait(ahead, now)
    if ticket.state is TicketState.EXPECTED:
        return max(pace.wait(ahead, now), ticket.slot_at - now)
    return None


def _arranged(found: list[Ticket]) -> list[Ticket]:
    order = (
        *(TicketState.SERVING, TicketState.CALLED),
        *(TicketState.WAITING, TicketState.MISSED, TicketState.EXPECTED),
    )
    waiting = in_order(ticket for ticket in found if ticket.state is TicketState.WAITING)
    arranged = []
    for state in order:
        same = [ticket for ticket in found if ticket.state is state]
        arranged += waiting if state is TicketState.WAITING else same
    return arranged + [ticket for ticket in found if ticket.state not in order]
