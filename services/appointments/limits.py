"""What keeps places for patients instead of scalpers: limits and bans. (防黄牛, domain 5.1)"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from data.appointments import Appointment, AppointmentState, BookingBan, Shift
from data.clock import new_id
from data.errors import Conflict
from services.ages import full_years
from services.inquiries import Person
from services.permissions import DESK
from services.policy import Actor
from services.policy_settings import PolicySettings
from services.transaction import Reading, Transaction

LIVING = (
    AppointmentState.CREATED,
    AppointmentState.CONFIRMED,
    AppointmentState.CHECKED_IN,
    AppointmentState.IN_CONSULT,
)
"""States in which an appointment holds its place."""
NO_SHOWS = "no_shows"


@dataclass(frozen=True, slots=True)
class Limits:
    """The rules about how much one patient may book."""

    policy: PolicySettings
    zone: ZoneInfo

    async def require(self, tx: Reading, patient_id: UUID, shift: Shift) -> None:
        """Go on only if one more booking is within the limits. Raise `Conflict`: `booking_banned`,
        `booked_already` (with the appointment's id), `department_day_full`, `too_many_bookings`."""
        await self.refuse_banned(tx, patient_id)
        query = select(Appointment).where(
            Appointment.patient_id == patient_id, Appointment.state.in_(LIVING)
        )
        living = list(await tx.session.scalars(query))
        today = [row for row in living if self._day(row.starts_at) == shift.day]
        same = [row for row in today if row.clinician_id == shift.clinician_id]
        if len(same) >= self._number("max_per_doctor_day", shift):
            raise Conflict("booked_already", appointment_id=str(same[0].id))
        near = [row for row in today if row.department_id == shift.department_id]
        if len(near) >= (most := self._number("max_per_dept_day", shift)):
            raise Conflict("department_day_full", most=most)
        if len(living) >= (most := self._number("max_active", shift)):
            raise Conflict("too_many_bookings", most=most)

    async def refuse_banned(self, tx: Reading, patient_id: UUID) -> None:
        """Raise `Conflict("booking_banned")` while somebody may not book. (爽约)"""
        until = await banned_until(tx, patient_id)
        if until is not None:
            raise Conflict("booking_banned", day=until.astimezone(self.zone).date())

    def require_person(self, tx: Reading, person: Person) -> None:
        """Go on only if it is sure who is to be seen, and the actor may say so for them.

        The desk may for everybody. Raise `Conflict`: `patient_unverified` (R-PAT-1),
        `guardian_needed_to_book` (R-PAT-2).
        """
        if not person.is_verified:
            raise Conflict("patient_unverified")
        if is_desk(tx.actor):
            return
        today = tx.now.astimezone(self.zone).date()
        most = self.policy.number("policy.patient.guardian_account_under_years")
        if full_years(person.birth_date, today) < most and tx.actor.user_id not in person.guardians:
            raise Conflict("guardian_needed_to_book")

    async def note_no_show(self, tx: Transaction, row: Appointment) -> bool:
        """Count a visit nobody came to; return whether that has brought a ban."""
        window = tx.now - self.policy.span("policy.appt.noshow_window_days", row.institution_id)
        latest = select(func.max(BookingBan.since)).where(BookingBan.patient_id == row.patient_id)
        since = max(window, await tx.session.scalar(latest) or window)
        query = select(func.count(Appointment.id)).where(
            Appointment.patient_id == row.patient_id,
            Appointment.institution_id == row.institution_id,
            Appointment.state == AppointmentState.NO_SHOW,
            Appointment.closed_at > since,
        )
        count = await tx.session.scalar(query) or 0
        if count < self.policy.number("policy.appt.noshow_limit", row.institution_id):
            return False
        tx.session.add(self._ban(row, tx.now))
        return True

    def _ban(self, row: Appointment, now: datetime) -> BookingBan:
        span = self.policy.span("policy.appt.noshow_ban_days", row.institution_id)
        return BookingBan(
            id=new_id(),
            institution_id=row.institution_id,
            patient_id=row.patient_id,
            since=now,
            until=now + span,
            reason=NO_SHOWS,
        )

    def _number(self, name: str, shift: Shift) -> int:
        return self.policy.number(f"policy.appt.{name}", shift.institution_id)

    def _day(self, at: datetime) -> object:
        return at.astimezone(self.zone).date()


async def banned_until(tx: Reading, patient_id: UUID) -> datetime | None:
    """Return until when a patient may not book (爽约), or None."""
    query = select(func.max(BookingBan.until)).where(
        BookingBan.patient_id == patient_id,
        BookingBan.until > tx.now,
        BookingBan.lifted_at.is_(None),
    )
    return await tx.session.scalar(query)


def is_desk(actor: Actor) -> bool:
    """Tell whether somebody acts for patients at the counter. (导诊台)"""
    return not actor.roles.isdisjoint(DESK)
