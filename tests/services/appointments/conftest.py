"""A hospital with two doctors, their timetable and their line, over a real database.

What the other modules would answer (who patients are, who may treat, what it costs, what is
ready) is said here by `Neighbours`; the whole house is in tests/services/test_way_of_a_visit.py.
"""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from data.appointments import Appointment, Slot
from data.errors import Conflict, NotFound
from data.institution import Institution
from data.messages import Channel, Message
from data.outbox import OutboxEvent
from data.queue import Ticket
from data.tasks import Task
from services.addresses import Front
from services.appointments.appointment_desk import AppointmentDesk, Kernel
from services.appointments.appointment_directory import AppointmentDirectory
from services.appointments.booking import Booked, Wish
from services.appointments.shifts import Hours, NewShift
from services.appointments.terms import Known
from services.bus import Bus
from services.clinic import Clinic
from services.events import Event
from services.inquiries import Colleague, Person, Price
from services.lanes import read
from services.notes import Ways
from services.notify import Notify
from services.policy import Actor, Grant, Role
from services.policy_settings import PolicySettings
from services.ports import Ports
from services.tasks import Tasks
from services.trail import Trail
from services.transaction import Reading, Transactions
from services.users.directory import UserDirectory
from services.workbench.encounters import Encounters
from tests.factories import INSTITUTION, an_actor

ZONE = ZoneInfo("Asia/Shanghai")
DOCTOR, OTHER_DOCTOR = UUID(int=701), UUID(int=702)
CARDIOLOGY = UUID(int=801)
TOMORROW = date(2026, 3, 3)
FEE = 2000
"""Fen."""


def at(hour: int, minute: int = 0, day: date = TOMORROW) -> datetime:
    """Return a time of the hospital's clock."""
    return datetime.combine(day, time(hour, minute), ZONE)


@dataclass
class Neighbours:
    """Answers for the other modules."""

    fee: int = FEE
    people: dict[UUID, Person] = field(default_factory=dict)
    not_ready: dict[UUID, tuple[str, ...]] = field(default_factory=dict)
    lapsed: set[UUID] = field(default_factory=set)
    """Doctors whose licence is over."""

    async def person(self, tx: Reading, patient_id: UUID) -> Person:
        if patient_id not in self.people:
            raise NotFound("not_found", what="Patient", key=str(patient_id))
        return self.people[patient_id]

    async def persons(self, tx: Reading, ids: Collection[UUID]) -> dict[UUID, Person]:
        return {each: self.people[each] for each in ids if each in self.people}

    async def may_treat(
        self, tx: Reading, clinician_id: UUID, department_id: UUID, on: date
    ) -> None:
        if clinician_id in self.lapsed:
            raise Conflict("clinician_not_active")
        if department_id != CARDIOLOGY:
            raise Conflict("department_not_offered")

    async def colleagues(self, tx: Reading, ids: Collection[UUID]) -> dict[UUID, Colleague]:
        names = {DOCTOR: "林医生", OTHER_DOCTOR: "周医生"}
        return {
            each: Colleague(
                *(each, names[each], "主治医师", "110110000000001"),
                frozenset({CARDIOLOGY}),
                each not in self.lapsed,
                INSTITUTION,
            )
            for each in ids
            if each in names
        }

    async def departments(self, tx: Reading, ids: Collection[UUID]) -> dict[UUID, str]:
        return dict.fromkeys(ids, "心血管内科专业")

    async def price(self, tx: Reading, institution_id: UUID, item: str) -> Price:
        return Price(self.fee, 1)

    async def missing(self, tx: Reading, appointment_id: UUID) -> tuple[str, ...]:
        return self.not_ready.get(appointment_id, ())


@dataclass
class Town:
    """The hospital and those who come to it."""

    kernel: Kernel
    clinic: Clinic
    bus: Bus
    desk: AppointmentDesk
    neighbours: Neighbours
    clock: object
    planner: Actor
    nurse: Actor
    doctor: Actor
    other_doctor: Actor
    patients: int = 0

    def patient(self, born: date = date(1980, 1, 1), **changes: object) -> tuple[Actor, UUID]:
        """Return an account, and the patient it acts for."""
        self.patients += 1
        account, patient_id = UUID(int=1000 + self.patients), UUID(int=5000 + self.patients)
        person = Person(
            patient_id=patient_id,
            name="王芳",
            sex="female",
            birth_date=born,
            phone="19900000001",
            is_verified=True,
            guardians=frozenset(),
            accounts=frozenset({account}),
            institution_id=INSTITUTION,
            own_account=account,
        )
        self.neighbours.people[patient_id] = replace(person, **changes)
        actor = Actor(
            account,
            frozenset({Grant(Role.PATIENT)}),
            INSTITUTION,
            patient_ids=frozenset({patient_id}),
        )
        return actor, patient_id

    async def shift(
        self, doctor: UUID = DOCTOR, *, capacity: int = 1, day: date = TOMORROW, **quotas: int
    ) -> UUID:
        """Publish a morning of 18 slots of ten minutes, 9:00 to 12:00."""
        hours = Hours(time(9), time(12), 10, capacity, quotas)
        new = NewShift(doctor, CARDIOLOGY, "video", day, hours)
        shift_id = await self.desk.shifts.add(self.planner, new)
        await self.desk.shifts.publish(self.planner, [shift_id])
        return shift_id

    async def book(
        self, who: tuple[Actor, UUID], starts_at: datetime, doctor: UUID = DOCTOR
    ) -> Booked:
        """Hold a place."""
        actor, patient_id = who
        return await self.desk.booking.hold(actor, Wish(patient_id, doctor, starts_at, "video"))

    async def happen(self) -> None:
        """Let every handler do what it owes, and the timers ring that are due."""
        for _ in range(3):  # a timer's event may set another that is due
            await self.bus.ring()
            await self.bus.deliver()

    async def later(self, **by: float) -> None:
        """Let time pass, and what is due happen."""
        self.clock.forward(**by)
        await self.happen()

    async def until(self, moment: datetime) -> None:
        await self.later(seconds=(moment - self.clock.now()).total_seconds())

    async def appointment(self, appointment_id: UUID) -> Appointment:
        async with self.clinic.database.transaction(write=False) as session:
            row = await session.get(Appointment, appointment_id)
            assert row
            return row

    async def slots(self, shift_id: UUID) -> list[Slot]:
        async with self.clinic.database.transaction(write=False) as session:
            query = select(Slot).where(Slot.shift_id == shift_id).order_by(Slot.seq)
            return list(await session.scalars(query))

    async def messages(self, to: UUID, template: str) -> list[Message]:
        """What somebody was told in the house, the latest last."""
        async with self.clinic.database.transaction(write=False) as session:
            query = select(Message).where(
                Message.owner_id == to,
                Message.template == template,
                Message.channel == Channel.IN_APP,
            )
            return list(await session.scalars(query.order_by(Message.id)))

    def join_encounters(self) -> Encounters:
        """Let the visits' module follow what happens here."""
        directory = AppointmentDirectory(self.kernel.policy)
        encounters = Encounters(self.kernel.transactions, self.kernel.policy, directory)
        encounters.follow_procedures(self.bus)
        return encounters

    async def told_of(self, *kinds: type[Event]) -> list[Event]:
        """What was announced of these kinds, in their order; for telling it in another one."""
        async with self.clinic.database.transaction(write=False) as session:
            kept = list(await session.scalars(select(OutboxEvent).order_by(OutboxEvent.id)))
        told = [(row.name, row.payload) for row in kept]
        return [read(*each) for kind in kinds for each in told if each[0] == kind.__name__]

    async def open_tasks(self, kind: str) -> int:
        """How many tasks of a kind are open."""
        async with self.clinic.database.transaction(write=False) as session:
            query = select(Task.id).where(Task.kind == kind, Task.state == "open")
            return len(list(await session.scalars(query)))

    async def ticket(self, appointment_id: UUID) -> Ticket:
        async with self.clinic.database.transaction(write=False) as session:
            query = select(Ticket).where(Ticket.appointment_id == appointment_id)
            return (await session.scalars(query)).one()


@pytest.fixture
async def town(clinic: Clinic, clock, keys) -> Town:
    async with clinic.database.transaction(write=True) as session:
        session.add(
            Institution(
                id=INSTITUTION,
                name="示范县人民医院(测试)",
                uscc="121101019999000038",
                created_at=clock.now(),
            )
        )
    neighbours, bus = Neighbours(), Bus(clinic.database, clock)
    transactions = Transactions(clinic.database, bus, Trail(keys, clock), clock)
    people = UserDirectory()
    policy = PolicySettings(transactions, people)
    tasks = Tasks(transactions, people)
    ways = Ways(Front(Ports(), clinic.settings), clinic.entry_links)
    notify = Notify(transactions, Ports(), people, policy, tasks, ways)
    kernel = Kernel(transactions, policy, tasks, notify, ZONE)
    known = Known(neighbours, neighbours, neighbours, clinic.licences)
    desk = AppointmentDesk.open(kernel, known, neighbours)
    desk.follow_procedures(bus)
    return Town(
        kernel,
        clinic,
        bus,
        desk,
        neighbours,
        clock,
        planner=an_actor(Role.MEDICAL_AFFAIRS),
        nurse=an_actor(Role.NURSE),
        doctor=an_actor(Role.DOCTOR, user_id=DOCTOR),
        other_doctor=an_actor(Role.DOCTOR, user_id=OTHER_DOCTOR),
    )


@pytest.fixture
def encounters(town: Town) -> Encounters:
    """The visits' module joined to the line."""
    return town.join_encounters()
