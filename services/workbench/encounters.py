"""The visit from the request to its end, with every state of domain 5.4. (问诊)

What a visit must have before it may end, and what ends with it, grows with the modules that
bring it: record, prescription, charges.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select

from data.clock import new_id
from data.errors import Conflict, Invalid, NotFound
from data.workbench import Encounter, EncounterState, Termination
from services.bus import Bus
from services.inquiries import Diary, Prospect
from services.permissions import Action
from services.policy import HOUSE, Actor, Subject, visible
from services.policy_settings import PolicySettings
from services.transaction import Reading, Transaction, Transactions
from services.visit_events import (
    AppointmentCancelled,
    AppointmentConfirmed,
    AppointmentMissed,
    AppointmentMoved,
    EncounterEnded,
    EncounterFailed,
    EncounterOverdue,
    EncounterTerminated,
    EncounterTimedOut,
    TicketCalled,
    TicketEntered,
    VisitForgone,
)

__all__ = ["EncounterState", "EncounterView", "Encounters", "Termination"]

RUNNING = (EncounterState.ACCEPTED, EncounterState.IN_PROGRESS)
LONGEST_REFERRAL = 500


@dataclass(frozen=True, slots=True)
class EncounterView:
    """A visit as those who take part see it."""

    id: UUID
    appointment_id: UUID
    patient_id: UUID
    clinician_id: UUID
    kind: str
    state: EncounterState
    starts_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    termination: Termination | None
    referral: str


class Encounters:
    """The visits' keeper."""

    def __init__(self, transactions: Transactions, policy: PolicySettings, diary: Diary) -> None:
        self._transactions = transactions
        self._policy = policy
        self._diary = diary

    async def of(self, actor: Actor, appointment_id: UUID) -> EncounterView:
        """Return the visit of an appointment, or raise `NotFound`."""
        async with self._transactions.read(actor) as tx:
            row = await _found(tx, appointment_id)
            tx.allow(Action.ENCOUNTER_READ, row)
            return _view(row)

    async def running(self, actor: Actor) -> list[EncounterView]:
        """Return the visits that the actor is in at this moment: the way back to the room."""
        async with self._transactions.read(actor) as tx:
            query = select(Encounter).where(
                visible(actor, Action.ENCOUNTER_READ, Encounter), Encounter.state.in_(RUNNING)
            )
            return [_view(row) for row in await tx.session.scalars(query)]

    async def end(self, actor: Actor, encounter_id: UUID) -> None:
        """End a visit as it should be; to end it twice does nothing.

        Raise `Conflict("encounter_not_running")`.
        """
        async with self._transactions.open(actor) as tx:
            row = await tx.get(Encounter, encounter_id)
            tx.allow(Action.ENCOUNTER_END, row)
            if row.state is EncounterState.ENDED:
                return
            if row.state is not EncounterState.IN_PROGRESS:
                raise Conflict("encounter_not_running", state=str(row.state))
            row.state, row.ended_at = EncounterState.ENDED, tx.now
            tx.announce(
                EncounterEnded(
                    encounter_id=row.id,
                    appointment_id=row.appointment_id,
                    patient_id=row.patient_id,
                    clinician_id=row.clinician_id,
                    kind=row.kind,
                    started_at=row.started_at or tx.now,
                    ended_at=tx.now,
                    institution_id=row.institution_id,
                )
            )

    async def terminate(
        self, actor: Actor, encounter_id: UUID, code: Termination, referral: str
    ) -> None:
        """Break a visit off, and say where the patient is to go instead. (R-FU-3)

        Raise `Invalid("referral_needed")`, `Conflict("encounter_not_running")`.
        """
        words = " ".join(referral.split())
        if not words or len(words) > LONGEST_REFERRAL:
            raise Invalid("referral_needed", high=LONGEST_REFERRAL)
        async with self._transactions.open(actor) as tx:
            row = await tx.get(Encounter, encounter_id)
            tx.allow(Action.ENCOUNTER_END, row, purpose=str(code))
            if row.state not in RUNNING:
                raise Conflict("encounter_not_running", state=str(row.state))
            row.state, row.termination, row.referral = EncounterState.TERMINATED, code, words
            row.closed_at = tx.now
            tx.announce(
                EncounterTerminated(
                    encounter_id=row.id,
                    appointment_id=row.appointment_id,
                    patient_id=row.patient_id,
                    clinician_id=row.clinician_id,
                    code=str(code),
                    institution_id=row.institution_id,
                )
            )

    async def fail(self, actor: Actor, encounter_id: UUID, *, again: bool) -> None:
        """Write down that both sides were gone for too long; the house does it. (domain 5.4)

        `again`: the patient waits anew and goes first; else everything is paid back.
        """
        async with self._transactions.open(actor) as tx:
            row = await tx.get(Encounter, encounter_id)
            tx.allow(Action.ENCOUNTER_SETTLE, row, purpose="failed")
            if row.state is not EncounterState.IN_PROGRESS:
                return
            attempt = row.attempt
            row.state = EncounterState.REQUESTED if again else EncounterState.TECH_FAILED
            if again:
                row.attempt += 1
                row.accepted_at = row.started_at = None
                row.accept_by = tx.now + self._grace(row)
                tx.later(_timer(row), row.accept_by, EncounterOverdue(encounter_id=row.id))
            else:
                row.closed_at = tx.now
            tx.announce(
                EncounterFailed(
                    encounter_id=row.id,
                    appointment_id=row.appointment_id,
                    attempt=attempt,
                    again=again,
                    institution_id=row.institution_id,
                )
            )

    async def request(self, event: AppointmentConfirmed) -> None:
        """Open the visit that an appointment is for, unless it was cancelled or missed meanwhile.

        That may be heard of first: each handler has a lane of its own.
        """
        async with self._transactions.open(HOUSE) as tx:
            place = Subject("encounter", "", event.institution_id, event.site_id)
            tx.allow(Action.ENCOUNTER_SETTLE, place, purpose="request")
            booked = await self._diary.booked(tx, event.appointment_id)
            query = select(Encounter.id).where(Encounter.appointment_id == event.appointment_id)
            if not booked.is_coming or await tx.session.scalar(query):
                return
            row = Encounter(
                id=new_id(),
                institution_id=event.institution_id,
                site_id=event.site_id,
                owner_id=event.account_id,
                patient_id=event.patient_id,
                appointment_id=event.appointment_id,
                clinician_id=booked.clinician_id,
                department_id=event.department_id,
                kind=event.kind,
                requested_at=tx.now,
                starts_at=event.starts_at,
                accept_by=event.ends_at,
            )
            row.accept_by = (
                event.ends_at + self._grace(row)
                if event.accept_within is None
                else tx.now + timedelta(minutes=event.accept_within)
            )
            tx.session.add(row)
            tx.later(_timer(row), row.accept_by, EncounterOverdue(encounter_id=row.id))

    async def withdraw(self, event: AppointmentCancelled) -> None:
        """Close a visit that will not be: its appointment was cancelled."""
        await self._withdraw(event.appointment_id)

    async def withdraw_missed(self, event: AppointmentMissed) -> None:
        """Close a visit that will not be: nobody came."""
        await self._withdraw(event.appointment_id)

    async def _withdraw(self, appointment_id: UUID) -> None:
        async with self._transactions.open(HOUSE) as tx:
            row = await _known(tx, appointment_id)
            if row is None or row.state not in (EncounterState.REQUESTED, EncounterState.ACCEPTED):
                return
            tx.allow(Action.ENCOUNTER_SETTLE, row, purpose="withdraw")
            row.state, row.closed_at = EncounterState.CANCELLED, tx.now
            tx.forget(_timer(row))

    async def move(self, event: AppointmentMoved) -> None:
        """Let a visit that has not begun follow its appointment to another clinician."""
        async with self._transactions.open(HOUSE) as tx:
            row = await _known(tx, event.appointment_id)
            if row is None or row.state is not EncounterState.REQUESTED:
                return
            tx.allow(Action.ENCOUNTER_SETTLE, row, purpose="move")
            row.clinician_id = event.clinician_id

    async def accept(self, event: TicketCalled) -> None:
        """The doctor has called the patient: with that the visit is theirs. (R-STF-2)

        That the doctor has shown who they are is required where they call.
        """
        async with self._transactions.open(HOUSE) as tx:
            row = await _known(tx, event.appointment_id)
            if row is None or row.state is not EncounterState.REQUESTED:
                return
            if row.attempt != event.attempt:
                return
            tx.allow(Action.ENCOUNTER_SETTLE, row, purpose="accept")
            row.state, row.accepted_at = EncounterState.ACCEPTED, tx.now
            row.clinician_id = event.clinician_id

    async def begin(self, event: TicketEntered) -> None:
        """The patient has come in: the clock runs."""
        async with self._transactions.open(HOUSE) as tx:
            row = await _known(tx, event.appointment_id)
            if row is None or row.state not in (EncounterState.REQUESTED, EncounterState.ACCEPTED):
                return
            if row.attempt != event.attempt:
                return
            tx.allow(Action.ENCOUNTER_SETTLE, row, purpose="begin")
            row.state, row.started_at = EncounterState.IN_PROGRESS, tx.now
            row.accepted_at = row.accepted_at or tx.now
            tx.forget(_timer(row))

    async def time_out(self, event: EncounterOverdue) -> None:
        """Nobody has taken the visit in time (by the timer): the money goes back. (domain 5.4)

        While the clinician is there and sees one after the other, the turn is not lost: it is
        looked at again later. Who was called and may still come back is waited for as long as the
        session lasts, and then was absent.
        """
        async with self._transactions.open(HOUSE) as tx:
            row = await tx.get(Encounter, event.encounter_id)
            tx.allow(Action.ENCOUNTER_SETTLE, row, purpose="overdue")
            begun = row.state not in (EncounterState.REQUESTED, EncounterState.ACCEPTED)
            if begun or tx.now < row.accept_by:  # or its time was prolonged meanwhile
                return
            prospect = await self._diary.prospect(tx, row.appointment_id)
            if prospect is Prospect.SERVED:
                row.accept_by = tx.now + self._grace(row)
                tx.later(_timer(row), row.accept_by, EncounterOverdue(encounter_id=row.id))
                return
            if prospect is Prospect.FORGONE:
                tx.announce(
                    VisitForgone(
                        appointment_id=row.appointment_id, institution_id=row.institution_id
                    )
                )
                return
            row.closed_at = tx.now
            if prospect is Prospect.ABSENT:
                row.state = EncounterState.CANCELLED
                return
            row.state = EncounterState.TIMEOUT_REFUND
            tx.announce(
                EncounterTimedOut(
                    encounter_id=row.id,
                    appointment_id=row.appointment_id,
                    institution_id=row.institution_id,
                )
            )

    def follow_procedures(self, bus: Bus) -> None:
        """The part of the SOP table that this module answers for. (R092)"""
        bus.on(AppointmentConfirmed, self.request)
        bus.on(AppointmentCancelled, self.withdraw)
        bus.on(AppointmentMissed, self.withdraw_missed)
        bus.on(AppointmentMoved, self.move)
        bus.on(TicketCalled, self.accept)
        bus.on(TicketEntered, self.begin)
        bus.on(EncounterOverdue, self.time_out)

    def _grace(self, row: Encounter) -> timedelta:
        return self._policy.span("policy.appt.noshow_grace_minutes", row.institution_id)


async def _known(tx: Transaction, appointment_id: UUID) -> Encounter | None:
    query = select(Encounter).where(Encounter.appointment_id == appointment_id)
    return await tx.session.scalar(query.with_for_update())


async def _found(tx: Reading, appointment_id: UUID) -> Encounter:
    query = select(Encounter).where(Encounter.appointment_id == appointment_id)
    row = await tx.session.scalar(query)
    if row is None:
        raise NotFound("not_found", what="Encounter", key=str(appointment_id))
    return row


def _timer(row: Encounter) -> str:
    return f"accept:{row.id}"


def _view(row: Encounter) -> EncounterView:
    return EncounterView(
        id=row.id,
        appointment_id=row.appointment_id,
        patient_id=row.patient_id,
        clinician_id=row.clinician_id,
        kind=row.kind,
        state=row.state,
        starts_at=row.starts_at,
        started_at=row.started_at,
        ended_at=row.ended_at,
        termination=row.termination,
        referral=row.referral,
    )
