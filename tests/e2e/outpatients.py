"""An afternoon of two doctors, for whoever looks at the timetable, the desk and the hall.

The clock of the hospital stands: shifts begin after it, and everybody has come a little early.
"""

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select

from data.clinicians import Clinician, CredentialState, Department, DepartmentMember, Profession
from data.clock import new_id
from data.patients import IdentityDocument, IdentityMethod, Patient, PatientLink, Relation, Sex
from services.appointments.booking import Wish
from services.appointments.patterns import NewPattern
from services.appointments.shifts import Hours, NewShift
from services.billing.tariff import NewPrice
from services.clinic import Clinic
from services.policy import Actor, Grant, Role
from tests.conftest import HeldClock
from tests.factories import an_actor
from tests.practice import Practice
from tests.web.people import SignedIn, signed_in

ZONE = ZoneInfo("Asia/Shanghai")
DOCTORS = (("林建国", "主任医师"), ("周敏", "主治医师"), ("陈思远", "副主任医师"))
PATIENTS = ("王芳", "李秀英", "张伟", "刘洋", "赵桂兰", "孙丽", "欧阳明", "吴强")
AFTERNOON = Hours(time(16, 10), time(18, 0), 10, 2)


@dataclass
class Afternoon:
    """Who works, and where."""

    clinic: Clinic
    house: UUID
    planner: Actor
    department_id: UUID
    doctors: list[Actor]
    people: list[tuple[Actor, UUID]] = field(default_factory=list)
    """Who has booked: the account and the appointment."""

    async def shift(self, nth: int, day: date, hours: Hours) -> UUID:
        who = self.doctors[nth].user_id
        new = NewShift(who, self.department_id, "video", day, hours)
        return await self.clinic.shifts.add(self.planner, new)

    async def happen(self) -> None:
        for _ in range(4):
            await self.clinic.bus.deliver()

    async def patient(self, name: str, nth: int) -> Actor:
        """Register somebody at the counter."""
        account, patient_id, now = new_id(), new_id(), self.clinic.clock.now()
        async with self.clinic.database.transaction(write=True) as session:
            session.add(
                Patient(
                    id=patient_id,
                    institution_id=self.house,
                    name=name,
                    document=IdentityDocument.PASSPORT,
                    number=f"T{nth:012}",
                    sex=Sex.FEMALE if nth % 2 == 0 else Sex.MALE,
                    birth_date=date(1950 + 5 * nth, 1, 1),
                    phone="19900000002",
                    verified_at=now,
                    verified_by=IdentityMethod.COUNTER,
                    created_at=now,
                )
            )
            await session.flush()
            link = PatientLink(
                institution_id=self.house,
                owner_id=account,
                patient_id=patient_id,
                relation=Relation.SELF,
                since=now,
            )
            session.add(link)
        ids = frozenset({patient_id})
        return Actor(account, frozenset({Grant(Role.PATIENT)}), self.house, patient_ids=ids)

    async def book(
        self, name: str, nth: int, doctor: int, starts_at: datetime
    ) -> tuple[Actor, UUID]:
        """Register somebody and book for them."""
        who = await self.patient(name, nth)
        (patient_id,) = who.patient_ids
        wish = Wish(patient_id, self.doctors[doctor].user_id, starts_at, "video")
        booked = await self.clinic.booking.hold(who, wish)
        await self.happen()
        return who, booked.id

    async def come(self, who: Actor, appointment_id: UUID) -> None:
        """Get ready and check in."""
        practice = Practice(self.clinic)
        await practice.prepare(who, appointment_id)
        await self.clinic.attendance.check_in(who, appointment_id)
        await self.happen()


async def open_at_four(clinic: Clinic, clock: HeldClock, until: int) -> Practice:
    """It is ten to four; one doctor sees patients from four, a head each ten minutes."""
    clock.time = datetime(2026, 3, 2, 7, 50, tzinfo=UTC)
    doctor = await signed_in(clinic, Role.DOCTOR)
    practice = await Practice(clinic, doctor=doctor.actor, day=date(2026, 3, 2)).open()
    practice.token = doctor.token
    await practice.shift(16, until)
    return practice


async def registered(clinic: Clinic, practice: Practice) -> SignedIn:
    """Somebody who is registered and verified, and signed in."""
    person = await signed_in(clinic, Role.PATIENT)
    await practice.patient(account=person.actor.user_id)
    clinic.sessions.forget_user(person.actor.user_id)
    return person


async def begin(clinic: Clinic, house: UUID) -> Afternoon:
    """Lay out the week and fill the lines: the first doctor calls, the second is away."""
    afternoon = await _open(clinic, house)
    now = clinic.clock.now()
    today = now.astimezone(ZONE).date()
    await _timetable(afternoon, today)
    first = datetime.combine(today, AFTERNOON.starts, ZONE)
    people = afternoon.people
    for nth, name in enumerate(PATIENTS):
        at = first + timedelta(minutes=10 * (nth // 4))
        people.append(await afternoon.book(name, nth, nth % 2, at))
    for doctor in afternoon.doctors[:1]:
        await clinic.presences.beat(doctor)
    for who, appointment_id in people[:6]:
        await afternoon.come(who, appointment_id)
    for doctor in afternoon.doctors[:2]:
        await clinic.queue.call_next(replace(doctor, confirmed_at=now))
    line = await clinic.waiting_room.worklist(afternoon.doctors[1])
    called = next(each for each in line if each.state == "called")
    await clinic.queue.skip(
        replace(afternoon.doctors[1], confirmed_at=now), called.ticket_id, "未应答"
    )
    await afternoon.happen()
    return afternoon


async def _timetable(afternoon: Afternoon, today: date) -> None:
    clinic, planner = afternoon.clinic, afternoon.planner
    published = [await afternoon.shift(nth, today, AFTERNOON) for nth in (0, 1)]
    morning = Hours(time(9), time(12), 15, 2)
    for days in (1, 2, 3):
        nth = days % 2
        published.append(await afternoon.shift(nth, today + timedelta(days=days), morning))
    await clinic.shifts.publish(planner, published)
    await clinic.shifts.suspend(planner, published[-1], "医生外出会诊")
    for days, nth in ((1, 2), (2, 2), (4, 0)):
        await afternoon.shift(nth, today + timedelta(days=days), morning)
    for nth, weekday in ((0, 0), (1, 2), (2, 4)):
        who = afternoon.doctors[nth].user_id
        new = NewPattern(who, afternoon.department_id, "video", weekday, morning, today)
        await clinic.patterns.add(planner, new)
    away = today + timedelta(days=14)
    who = afternoon.doctors[1].user_id
    await clinic.patterns.take_leave(planner, who, away, away + timedelta(days=2), "年假")
    await afternoon.happen()


async def _open(clinic: Clinic, house: UUID) -> Afternoon:
    now = clinic.clock.now()
    planner = an_actor(Role.MEDICAL_AFFAIRS, institution_id=house, confirmed_at=now)
    department_id = new_id()
    doctors = [an_actor(Role.DOCTOR, institution_id=house, confirmed_at=now) for _ in DOCTORS]
    async with clinic.database.transaction(write=True) as session:
        known = select(Department.id).where(
            Department.institution_id == house, Department.code == "03.04"
        )
        department_id = await session.scalar(known) or department_id
        if await session.get(Department, department_id) is None:
            session.add(
                Department(
                    id=department_id,
                    institution_id=house,
                    code="03.04",
                    name="心血管内科专业",
                    created_at=now,
                )
            )
        await session.flush()
        for nth, (doctor, (name, title)) in enumerate(zip(doctors, DOCTORS, strict=True)):
            row = Clinician(
                id=new_id(),
                institution_id=house,
                owner_id=doctor.user_id,
                profession=Profession.DOCTOR,
                name=name,
                title=title,
                licence=f"11011000000000{nth}",
                licence_valid_to=date(2030, 1, 1),
                certificate_serial=f"CA-{nth}",
                certificate_valid_to=date(2030, 1, 1),
                state=CredentialState.ACTIVE,
                created_at=now,
            )
            session.add(row)
            await session.flush()
            member = DepartmentMember(
                institution_id=house,
                owner_id=doctor.user_id,
                clinician_id=row.id,
                department_id=department_id,
                since=now,
            )
            session.add(member)
    await clinic.tariffs.set_price(planner, NewPrice("visit.video", 0))
    return Afternoon(clinic, house, planner, department_id, doctors)
