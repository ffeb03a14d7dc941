"""The unit of work that is measured: a booking, as the simplest real act with all that hangs on it.

It reads and locks a slot, asks the policy, takes a place, adds an appointment, announces it to one
handler, and is chained into the audit trail. The tables are the benchmarks' own, so that no change
of a product's module changes what is compared.
"""

import random
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, MetaData, Select, func, insert, select
from sqlalchemy.orm import DeclarativeBase, Mapped, MappedAsDataclass, mapped_column

from data.audit import AuditEntry
from data.base import L2
from data.clock import new_id
from data.database import Database
from data.errors import Conflict
from data.outbox import Delivery, OutboxEvent
from services.clinic import Clinic
from services.events import Event
from services.policy import HOUSE, Action, Actor, Grant, Role

INSTITUTION = UUID("01900000-0000-7000-8000-000000000001")
NURSE = Actor(
    user_id=UUID("01900000-0000-7000-8000-000000000002"),
    grants=frozenset({Grant(Role.NURSE)}),
    institution_id=INSTITUTION,
)
NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


class Own(MappedAsDataclass, DeclarativeBase, kw_only=True):
    """Apart from the house's metadata."""

    metadata = MetaData()
    id: Mapped[UUID] = mapped_column(primary_key=True, default_factory=new_id, info=L2)


class Slot(Own):
    """So many places at one time."""

    __tablename__ = "bench_slot"
    __table_args__ = (CheckConstraint("taken <= capacity", name="not_too_many"),)

    institution_id: Mapped[UUID] = mapped_column(info=L2)
    capacity: Mapped[int] = mapped_column(info=L2)
    taken: Mapped[int] = mapped_column(default=0, info=L2)


class Appointment(Own):
    """One place, taken."""

    __tablename__ = "bench_appointment"

    slot_id: Mapped[UUID] = mapped_column(ForeignKey(Slot.id), index=True, info=L2)
    patient_id: Mapped[UUID] = mapped_column(index=True, info=L2)


class Booked(Event, frozen=True):
    """A place was taken."""

    appointment_id: UUID
    slot_id: UUID


async def expect(event: Booked) -> None:
    """Stand for the handler that the event is owed to; nobody delivers while we measure."""


class Ward:
    """Slots to book, in one database."""

    def __init__(self, clinic: Clinic, slots: list[UUID]) -> None:
        self._clinic = clinic
        self.slots = slots
        self._chance = random.Random(5)
        self.booked = 0

    @classmethod
    async def furnish(cls, clinic: Clinic, slots: int = 2000, capacity: int = 10_000) -> "Ward":
        """Make the tables and the slots."""
        ids = [new_id() for _ in range(slots)]
        common = {"institution_id": INSTITUTION, "capacity": capacity, "taken": 0}
        await clinic.database.run(Own.metadata.create_all)
        async with clinic.database.transaction(write=True) as session:
            await session.execute(insert(Slot), [{"id": each, **common} for each in ids])
        clinic.bus.on(Booked, expect)
        return cls(clinic, ids)

    async def book(self) -> UUID:
        """Take a place in some slot."""
        slot_id = self._chance.choice(self.slots)
        async with self._clinic.transactions.open(NURSE) as tx:
            slot = await tx.get(Slot, slot_id)
            tx.allow(Action.TASK_RAISE, slot)
            if slot.taken >= slot.capacity:
                raise Conflict("conflict")
            slot.taken += 1
            appointment = Appointment(slot_id=slot.id, patient_id=new_id())
            tx.session.add(appointment)
            tx.announce(Booked(appointment_id=appointment.id, slot_id=slot.id))
        self.booked += 1
        return appointment.id

    async def check(self) -> None:
        """Make sure that what was answered is there, everywhere, and that the chain is whole."""
        counted = [await count(self._clinic.database, query) for query in SHOULD_BE_EQUAL]
        assert counted == [self.booked] * len(counted), (self.booked, counted)
        verdict = await self._clinic.audit.verify(HOUSE)
        assert verdict.whole, verdict


SHOULD_BE_EQUAL = (
    select(func.count()).select_from(Appointment),
    select(func.sum(Slot.taken)),
    select(func.count()).select_from(Delivery),
    select(func.count()).select_from(OutboxEvent),
    select(func.count()).select_from(AuditEntry),
)


async def count(database: Database, query: Select[Any]) -> int:
    """Return the one number a query asks for."""
    async with database.transaction(write=False) as session:
        return int(await session.scalar(query) or 0)
