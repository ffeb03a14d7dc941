"""Appointments as those whom they concern see them: coming ones, past ones, one. (我的就诊)"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select

from data.appointments import Appointment, AppointmentState
from services.appointments.attendance import Attendance
from services.appointments.kinds import kinds_of
from services.appointments.limits import LIVING, banned_until
from services.appointments.terms import about
from services.inquiries import Clinicians, Person, Persons
from services.masking import mask_name
from services.permissions import Action
from services.policy import Actor, visible
from services.policy_settings import PolicySettings
from services.transaction import Reading, Transactions

MOST = 50


@dataclass(frozen=True, slots=True)
class Visit:
    """An appointment with the names that belong to it."""

    id: UUID
    state: AppointmentState
    reason: str
    patient_id: UUID
    patient: str
    """Masked, unless the reader acts for them."""
    clinician_id: UUID
    clinician: str
    title: str
    department_id: UUID
    department: str
    kind: str
    kind_names: dict[str, str]
    needs_devices: bool
    starts_at: datetime
    ends_at: datetime
    price_fen: int
    hold_until: datetime | None
    check_in_from: datetime
    check_in_until: datetime
    cancel_until: datetime
    version: int

    @property
    def is_coming(self) -> bool:
        return self.state in LIVING


class Visits:
    """The diary."""

    def __init__(
        self,
        transactions: Transactions,
        policy: PolicySettings,
        persons: Persons,
        clinicians: Clinicians,
        attendance: Attendance,
    ) -> None:
        self._transactions = transactions
        self._policy = policy
        self._persons = persons
        self._clinicians = clinicians
        self._attendance = attendance

    async def coming(self, actor: Actor, patient_id: UUID | None = None) -> list[Visit]:
        """Return the appointments that are still to come or under way, the next first.

        Of one patient alone, if one is named.
        """
        async with self._transactions.read(actor) as tx:
            query = (
                select(Appointment)
                .where(
                    visible(actor, Action.APPOINTMENT_READ, Appointment),
                    Appointment.state.in_(LIVING),
                )
                .order_by(Appointment.starts_at)
                .limit(MOST)
            )
            if patient_id is not None:
                query = query.where(Appointment.patient_id == patient_id)
            return await self._views(tx, list(await tx.session.scalars(query)))

    async def past(
        self, actor: Actor, *, offset: int = 0, limit: int = 20
    ) -> tuple[list[Visit], int]:
        """Return one page of the appointments that are over, the latest first, and how many."""
        async with self._transactions.read(actor) as tx:
            where = (
                visible(actor, Action.APPOINTMENT_READ, Appointment),
                Appointment.state.not_in(LIVING),
            )
            total = await tx.session.scalar(select(func.count(Appointment.id)).where(*where))
            query = select(Appointment).where(*where).order_by(Appointment.starts_at.desc())
            found = await tx.session.scalars(query.offset(offset).limit(min(limit, MOST)))
            return await self._views(tx, list(found)), total or 0

    async def banned_until(self, actor: Actor, patient_id: UUID) -> datetime | None:
        """Return until when a patient may not book (爽约), or None."""
        async with self._transactions.read(actor) as tx:
            person = await self._persons.person(tx, patient_id)
            tx.allow(Action.APPOINTMENT_BOOK, about(person))
            return await banned_until(tx, patient_id)

    async def one(self, actor: Actor, appointment_id: UUID) -> Visit:
        """Return one appointment, or raise `NotFound`."""
        async with self._transactions.read(actor) as tx:
            row = await tx.get(Appointment, appointment_id)
            tx.allow(Action.APPOINTMENT_READ, row)
            return (await self._views(tx, [row]))[0]

    async def _views(self, tx: Reading, found: list[Appointment]) -> list[Visit]:
        people = await self._persons.persons(tx, {row.patient_id for row in found})
        staff = await self._clinicians.colleagues(tx, {row.clinician_id for row in found})
        names = await self._clinicians.departments(tx, {row.department_id for row in found})
        homes = {row.institution_id for row in found}
        kinds = {home: await kinds_of(tx, home) for home in homes}
        views = []
        for row in found:
            kind = kinds[row.institution_id].get(row.kind)
            doctor, patient = staff.get(row.clinician_id), people.get(row.patient_id)
            opens, closes = self._attendance.window(row)
            before = self._policy.span("policy.appt.cancel_before_minutes", row.institution_id)
            views.append(
                Visit(
                    id=row.id,
                    state=row.state,
                    reason=row.state_reason,
                    patient_id=row.patient_id,
                    patient=_named(tx.actor, row.patient_id, patient),
                    clinician_id=row.clinician_id,
                    clinician=doctor.name if doctor else "",
                    title=doctor.title if doctor else "",
                    department_id=row.department_id,
                    department=names.get(row.department_id, ""),
                    kind=row.kind,
                    kind_names=dict(kind.names) if kind else {},
                    needs_devices=kind.needs_devices if kind else False,
                    starts_at=row.starts_at,
                    ends_at=row.ends_at,
                    price_fen=row.price_fen,
                    hold_until=row.hold_until,
                    check_in_from=opens,
                    check_in_until=closes,
                    cancel_until=row.starts_at - before,
                    version=row.version,
                )
            )
        return views


def _named(actor: Actor, patient_id: UUID, person: Person | None) -> str:
    if person is None:
        return ""
    return person.name if patient_id in actor.patient_ids else mask_name(person.name)
