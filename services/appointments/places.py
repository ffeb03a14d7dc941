"""Which places are free: what patients choose from. (号源)"""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import func, or_, select

from data.appointments import Channel, DayPart, Shift, ShiftState, Slot, SlotState
from services.inquiries import Clinicians
from services.permissions import Action
from services.policy import Actor, Subject
from services.transaction import Reading, Transactions

FARTHEST = 31
"""Days ahead that are looked at."""


@dataclass(frozen=True, slots=True)
class Time:
    """A time with one clinician at which at least one place is free."""

    clinician_id: UUID
    starts_at: datetime
    ends_at: datetime
    kind: str
    part: DayPart
    left: int


@dataclass(frozen=True, slots=True)
class Choice:
    """A clinician with what is free, soonest first."""

    clinician_id: UUID
    name: str
    title: str
    licence: str
    department_id: UUID
    department: str
    times: tuple[Time, ...]


class Places:
    """The window on the timetable."""

    def __init__(self, transactions: Transactions, clinicians: Clinicians, zone: ZoneInfo) -> None:
        self._transactions = transactions
        self._clinicians = clinicians
        self._zone = zone

    async def departments(self, actor: Actor, home: UUID) -> dict[UUID, int]:
        """Return the departments in which a place is free, and how many there are."""
        async with self._transactions.read(actor) as tx:
            tx.allow(Action.PLACE_READ, Subject("slot", "", home))
            query = (
                select(Shift.department_id, func.count(Slot.id))
                .join(Slot, Slot.shift_id == Shift.id)
                .where(Shift.institution_id == home, *open_now(tx.now, [Channel.PORTAL]))
                .group_by(Shift.department_id)
            )
            return {row[0]: row[1] for row in await tx.session.execute(query)}

    async def choices(
        self,
        actor: Actor,
        home: UUID,
        *,
        department_id: UUID | None = None,
        clinician_id: UUID | None = None,
        day: date | None = None,
        channel: Channel = Channel.PORTAL,
    ) -> list[Choice]:
        """Return who has something free, whoever can be seen soonest first."""
        async with self._transactions.read(actor) as tx:
            tx.allow(Action.PLACE_READ, Subject("slot", "", home))
            query = (
                select(
                    Shift.clinician_id,
                    Shift.department_id,
                    Shift.kind,
                    Shift.part,
                    Slot.starts_at,
                    Slot.ends_at,
                    func.count(Slot.id).label("left"),
                )
                .join(Shift, Slot.shift_id == Shift.id)
                .where(Shift.institution_id == home, *open_now(tx.now, [channel]))
                .where(Slot.starts_at < tx.now + timedelta(days=FARTHEST))
                .group_by(
                    Shift.clinician_id,
                    Shift.department_id,
                    Shift.kind,
                    Shift.part,
                    Slot.starts_at,
                    Slot.ends_at,
                )
                .order_by(Slot.starts_at)
            )
            if department_id is not None:
                query = query.where(Shift.department_id == department_id)
            if clinician_id is not None:
                query = query.where(Shift.clinician_id == clinician_id)
            if day is not None:
                query = query.where(Shift.day == day)
            return await self._choices(tx, (await tx.session.execute(query)).all())

    async def _choices(self, tx: Reading, rows: Any) -> list[Choice]:
        times: dict[tuple[UUID, UUID], list[Time]] = defaultdict(list)
        for row in rows:
            times[row.clinician_id, row.department_id].append(
                Time(row.clinician_id, row.starts_at, row.ends_at, row.kind, row.part, row.left)
            )
        people = await self._clinicians.colleagues(tx, {clinician for clinician, _ in times})
        names = await self._clinicians.departments(tx, {department for _, department in times})
        return [
            Choice(
                clinician_id=clinician,
                name=person.name,
                title=person.title,
                licence=person.licence,
                department_id=department,
                department=names.get(department, ""),
                times=tuple(free),
            )
            for (clinician, department), free in times.items()
            if (person := people.get(clinician)) is not None and person.is_active
        ]


def open_now(now: datetime, doors: Collection[Channel]) -> tuple[Any, ...]:
    """Return what makes a place one that can be taken through one of these doors now."""
    return (
        Shift.state == ShiftState.PUBLISHED,
        Shift.opens_at <= now,
        Slot.state == SlotState.FREE,
        Slot.channel.in_(doors),
        Slot.starts_at > now,
        or_(Slot.free_at.is_(None), Slot.free_at <= now),
    )
