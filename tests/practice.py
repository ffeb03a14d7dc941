"""A practice that is open: a doctor whose papers hold, a department, a timetable, patients.

Rows as they are once everything has been reviewed; how they come about is tested elsewhere.
"""

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select

from data.clinicians import Clinician, CredentialState, Department, DepartmentMember, Profession
from data.clock import new_id
from data.institution import Institution
from data.patients import IdentityDocument, IdentityMethod, Patient, PatientLink, Relation, Sex
from services.appointments.booking import Booked, Wish
from services.appointments.shifts import Hours, NewShift
from services.billing.tariff import NewPrice
from services.clinic import Clinic
from services.policy import Actor, Grant, Role
from services.records.consents import ConsentKind
from services.records.evidence import NewEvidence
from tests.factories import INSTITUTION, an_actor

ZONE = ZoneInfo("Asia/Shanghai")
PHONE = "19900000001"


@dataclass
class Practice:
    """One doctor's practice in a whole house."""

    clinic: Clinic
    doctor: Actor = field(default_factory=lambda: an_actor(Role.DOCTOR))
    planner: Actor = field(default_factory=lambda: an_actor(Role.MEDICAL_AFFAIRS))
    nurse: Actor = field(default_factory=lambda: an_actor(Role.NURSE))
    department_id: UUID = field(default_factory=new_id)
    day: date = date(2026, 3, 3)
    token: str = ""
    """Of the doctor's session, where they have one."""

    async def open(self, fen: int = 0, doctor_name: str = "林建国") -> "Practice":
        """Let the doctor begin, at this price."""
        now = self.clinic.clock.now()
        async with self.clinic.database.transaction(write=True) as session:
            if await session.get(Institution, INSTITUTION) is None:
                house = "示范县人民医院(测试)"
                code = "121101019999000038"
                session.add(Institution(id=INSTITUTION, name=house, uscc=code, created_at=now))
                await session.flush()
            known = select(Department).where(Department.code == "03.04")
            department = await session.scalar(known)
            if department is None:
                department = Department(
                    id=self.department_id,
                    institution_id=INSTITUTION,
                    code="03.04",
                    name="心血管内科专业",
                    created_at=now,
                )
                session.add(department)
            self.department_id = department.id
            row = Clinician(
                id=new_id(),
                institution_id=INSTITUTION,
                owner_id=self.doctor.user_id,
                profession=Profession.DOCTOR,
                name=doctor_name,
                title="主治医师",
                licence="110110000000001",
                licence_valid_to=date(2030, 1, 1),
                certificate_serial="CA-1",
                certificate_valid_to=date(2030, 1, 1),
                state=CredentialState.ACTIVE,
                created_at=now,
            )
            session.add(row)
            await session.flush()
            session.add(
                DepartmentMember(
                    institution_id=INSTITUTION,
                    owner_id=self.doctor.user_id,
                    clinician_id=row.id,
                    department_id=self.department_id,
                    since=now,
                )
            )
        await self.clinic.tariffs.set_price(self.planner, NewPrice("visit.video", fen))
        return self

    def at(self, hour: int, minute: int = 0) -> datetime:
        """Return a time of the practice's day."""
        return datetime.combine(self.day, time(hour, minute), ZONE)

    async def shift(self, starts: int = 9, ends: int = 12, capacity: int = 1) -> UUID:
        """Publish a shift of slots of ten minutes."""
        hours = Hours(time(starts), time(ends), 10, capacity)
        new = NewShift(self.doctor.user_id, self.department_id, "video", self.day, hours)
        shift_id = await self.clinic.shifts.add(self.planner, new)
        await self.clinic.shifts.publish(self.planner, [shift_id])
        return shift_id

    async def patient(self, name: str = "王芳", account: UUID | None = None) -> Actor:
        """Return an account that acts for one verified patient."""
        account, patient_id, now = account or new_id(), new_id(), self.clinic.clock.now()
        async with self.clinic.database.transaction(write=True) as session:
            session.add(
                Patient(
                    id=patient_id,
                    institution_id=INSTITUTION,
                    name=name,
                    document=IdentityDocument.PASSPORT,
                    number=f"T{patient_id.hex[-12:]}".upper(),
                    sex=Sex.FEMALE,
                    birth_date=date(1980, 1, 1),
                    phone=PHONE,
                    verified_at=now,
                    verified_by=IdentityMethod.COUNTER,
                    created_at=now,
                )
            )
            await session.flush()
            session.add(
                PatientLink(
                    institution_id=INSTITUTION,
                    owner_id=account,
                    patient_id=patient_id,
                    relation=Relation.SELF,
                    since=now,
                )
            )
        ids = frozenset({patient_id})
        return Actor(account, frozenset({Grant(Role.PATIENT)}), INSTITUTION, patient_ids=ids)

    async def book(self, patient: Actor, starts_at: datetime) -> Booked:
        """Take a place."""
        (patient_id,) = patient.patient_ids
        wish = Wish(patient_id, self.doctor.user_id, starts_at, "video")
        return await self.clinic.booking.hold(patient, wish)

    async def prepare(self, patient: Actor, appointment_id: UUID) -> None:
        """Get everything ready that check-in asks for."""
        (patient_id,) = patient.patient_ids
        clinic = self.clinic
        new = NewEvidence("示范县人民医院", date(2026, 1, 5), "高血压", his_visit="V-1")
        evidence_id = await clinic.evidences.add(patient, patient_id, new)
        prepared = clinic.preparations
        await prepared.answer(patient, appointment_id, [])
        await prepared.describe(patient, appointment_id, "头晕三天")
        await prepared.use_evidence(patient, appointment_id, evidence_id)
        await prepared.locate(patient, appointment_id, "家里", PHONE)
        await prepared.test_devices(patient, appointment_id, "ok")
        kinds = {ConsentKind.TELE_CONSULT: 1, ConsentKind.SENSITIVE_DATA: 1}
        await clinic.consents.give(patient, patient_id, kinds, appointment_id)

    async def happen(self) -> None:
        """Let every handler do what it owes, and ring the timers that are due."""
        for _ in range(4):
            await self.clinic.bus.ring()
            await self.clinic.bus.deliver()

    async def until(self, moment: datetime) -> None:
        """Let time pass, and what is due happen."""
        clock = self.clinic.clock
        clock.forward(seconds=(moment - clock.now()).total_seconds())
        await self.happen()

    def proven(self) -> Actor:
        """The doctor, who has just shown who they are."""
        now = self.clinic.clock.now()
        return an_actor(Role.DOCTOR, user_id=self.doctor.user_id, confirmed_at=now)

    async def come(self, patient: Actor, starts_at: datetime) -> UUID:
        """Book, get ready and check in when it is time; return the appointment."""
        booked = await self.book(patient, starts_at)
        await self.happen()
        await self.prepare(patient, booked.id)
        await self.until(starts_at - timedelta(minutes=5))
        await self.clinic.presences.beat(self.doctor)
        await self.clinic.attendance.check_in(patient, booked.id)
        await self.happen()
        return booked.id

    async def enter(self, patient: Actor, appointment_id: UUID) -> UUID:
        """Be called and come in; return the visit."""
        await self.clinic.queue.call_next(self.proven())
        await self.happen()
        await self.clinic.queue.enter(patient, appointment_id)
        await self.happen()
        return (await self.clinic.encounters.of(patient, appointment_id)).id
