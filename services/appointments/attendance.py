"""Who comes and who does not: check-in, no-show, and how an appointment ends. (签到, 爽约)"""

from datetime import datetime
from uuid import UUID

from data.appointments import Appointment, AppointmentState, Slot, SlotState
from data.errors import Conflict
from services.ages import full_years
from services.appointments.limits import Limits
from services.appointments.terms import cancelled
from services.inquiries import Persons, Readiness
from services.permissions import DESK, Action
from services.policy import HOUSE, Actor
from services.transaction import Reading, Transaction, Transactions
from services.visit_events import (
    AppointmentLapsed,
    AppointmentMissed,
    EncounterEnded,
    EncounterFailed,
    EncounterTerminated,
    EncounterTimedOut,
    PatientCheckedIn,
    TicketEntered,
    TicketLeft,
    VisitForgone,
)

FIRST, NORMAL = 1, 2
"""Priority classes. (domain 5.3)"""
AGED = 80
"""Full years from which somebody goes first."""
HERE = (AppointmentState.CHECKED_IN, AppointmentState.IN_CONSULT)


class Attendance:
    """The register of who came."""

    def __init__(
        self,
        transactions: Transactions,
        persons: Persons,
        readiness: Readiness,
        limits: Limits,
    ) -> None:
        self._transactions = transactions
        self._persons = persons
        self._readiness = readiness
        self._limits = limits
        self._policy = limits.policy

    async def check_in(
        self, actor: Actor, appointment_id: UUID, *, first_because: str = ""
    ) -> None:
        """Say that a patient is here; they wait from now on. To say it twice does nothing.

        `first_because`: why the desk lets them go first (pregnant, active duty). Raise `Conflict`:
        `appointment_over`, `not_paid`, `check_in_too_early`, `check_in_too_late`, `red_flag_found`,
        `not_ready` (`what`: the first thing that is missing). (domain 5.2, CHECK_IN)
        """
        async with self._transactions.open(actor) as tx:
            row = await tx.get(Appointment, appointment_id)
            tx.allow(Action.APPOINTMENT_CHECK_IN, row, purpose=first_because)
            tx.answer(None)
            if row.state in HERE:
                return
            self._require_time(tx, row)
            missing = await self._readiness.missing(tx, row.id)
            if "emergency" in missing:
                raise Conflict("red_flag_found")
            if missing:
                raise Conflict("not_ready", what=missing[0])
            row.state, row.checked_in_at = AppointmentState.CHECKED_IN, tx.now
            first = bool(first_because) and not actor.roles.isdisjoint(DESK)
            priority = FIRST if first or await self._is_aged(tx, row) else NORMAL
            tx.announce(
                PatientCheckedIn(
                    appointment_id=row.id,
                    patient_id=row.patient_id,
                    clinician_id=row.clinician_id,
                    priority=priority,
                    institution_id=row.institution_id,
                )
            )

    def window(self, row: Appointment) -> tuple[datetime, datetime]:
        """Return from when and until when one may check in. (domain 5.2)"""
        before = self._policy.span("policy.appt.checkin_open_minutes", row.institution_id)
        return row.starts_at - before, row.ends_at

    def _require_time(self, tx: Reading, row: Appointment) -> None:
        if row.state is AppointmentState.CREATED:
            raise Conflict("not_paid")
        if row.state is not AppointmentState.CONFIRMED:
            raise Conflict("appointment_over", state=str(row.state))
        opens, closes = self.window(row)
        if tx.now < opens:
            raise Conflict("check_in_too_early", moment=opens)
        if tx.now > closes:
            raise Conflict("check_in_too_late", moment=closes)

    async def _is_aged(self, tx: Reading, row: Appointment) -> bool:
        person = await self._persons.person(tx, row.patient_id)
        today = tx.now.astimezone(self._limits.zone).date()
        return full_years(person.birth_date, today) >= AGED

    async def lapse(self, event: AppointmentLapsed) -> None:
        """Write down that nobody came (by the timer); enough of that brings a ban. (domain 5.2)"""
        async with self._transactions.open(HOUSE) as tx:
            row = await tx.get(Appointment, event.appointment_id)
            tx.allow(Action.APPOINTMENT_SETTLE, row, purpose="lapse")
            if row.state is AppointmentState.CONFIRMED:
                await self._miss(tx, row)

    async def forgo(self, event: VisitForgone) -> None:
        """Write down that somebody was here but has not come when called. (过号未归)"""
        async with self._transactions.open(HOUSE) as tx:
            row = await tx.get(Appointment, event.appointment_id)
            tx.allow(Action.APPOINTMENT_SETTLE, row, purpose="forgone")
            if row.state is AppointmentState.CHECKED_IN:
                await self._miss(tx, row)

    async def _miss(self, tx: Transaction, row: Appointment) -> None:
        row.state, row.closed_at = AppointmentState.NO_SHOW, tx.now
        await tx.session.flush()
        await self._limits.note_no_show(tx, row)
        tx.announce(
            AppointmentMissed(
                appointment_id=row.id,
                patient_id=row.patient_id,
                account_id=row.owner_id,
                institution_id=row.institution_id,
            )
        )

    async def begin(self, event: TicketEntered) -> None:
        """The patient is with the doctor."""
        async with self._transactions.open(HOUSE) as tx:
            row = await tx.get(Appointment, event.appointment_id)
            tx.allow(Action.APPOINTMENT_SETTLE, row, purpose="begin")
            if row.state is AppointmentState.CHECKED_IN and row.attempt == event.attempt:
                row.state = AppointmentState.IN_CONSULT

    async def finish(self, event: EncounterEnded) -> None:
        """The visit is over."""
        async with self._transactions.open(HOUSE) as tx:
            row = await tx.get(Appointment, event.appointment_id)
            tx.allow(Action.APPOINTMENT_SETTLE, row, purpose="finish")
            if row.state in HERE:
                await _use(tx, row, AppointmentState.COMPLETED)

    async def break_off(self, event: EncounterTerminated) -> None:
        """The visit was broken off: as if the hospital had cancelled. (R-FU-3, domain 5.2)"""
        await self._refund(event.appointment_id, "terminated")

    async def give_up(self, event: EncounterTimedOut) -> None:
        """No doctor has taken the visit in time."""
        await self._refund(event.appointment_id, "timeout")

    async def note_leaving(self, event: TicketLeft) -> None:
        """The patient did not want to wait any longer; in vain: paid back. (domain 5.3)"""
        if event.refund:
            await self._refund(event.appointment_id, "waited_in_vain")
            return
        async with self._transactions.open(HOUSE) as tx:
            row = await tx.get(Appointment, event.appointment_id)
            tx.allow(Action.APPOINTMENT_SETTLE, row, purpose="left")
            if row.state is AppointmentState.CHECKED_IN:
                row.state_reason = "left"
                await _use(tx, row, AppointmentState.CANCELLED)
                tx.announce(cancelled(row, "left", refund=False))

    async def fail(self, event: EncounterFailed) -> None:
        """The visit broke down: the patient waits again, or is paid back."""
        if not event.again:
            await self._refund(event.appointment_id, "tech_failed")
            return
        async with self._transactions.open(HOUSE) as tx:
            row = await tx.get(Appointment, event.appointment_id)
            tx.allow(Action.APPOINTMENT_SETTLE, row, purpose="again")
            if row.state is AppointmentState.IN_CONSULT and row.attempt == event.attempt:
                row.state = AppointmentState.CHECKED_IN
                row.attempt += 1

    async def _refund(self, appointment_id: UUID, why: str) -> None:
        async with self._transactions.open(HOUSE) as tx:
            row = await tx.get(Appointment, appointment_id)
            tx.allow(Action.APPOINTMENT_SETTLE, row, purpose=why)
            if row.state not in HERE:
                return
            row.state_reason = why
            await _use(tx, row, AppointmentState.CANCELLED_BY_HOSPITAL)
            tx.announce(cancelled(row, why, refund=True))


async def _use(tx: Transaction, row: Appointment, state: AppointmentState) -> None:
    row.state, row.closed_at = state, tx.now
    slot = await tx.get(Slot, row.slot_id)
    slot.state = SlotState.USED
