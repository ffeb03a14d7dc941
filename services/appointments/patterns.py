"""The same shift every week, and the time somebody is away. (排班模板, 请假)"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import or_, select

from data.appointments import Leave, Shift, ShiftPattern, ShiftState
from data.clock import new_id
from data.errors import Conflict, DomainError, Invalid, NotFound
from services.appointments.hours import Hours, checked_hours, moment
from services.appointments.kinds import kind_of
from services.appointments.shifts import NewShift, Shifts, stop, worded
from services.inquiries import Clinicians
from services.institution import open_site
from services.permissions import Action
from services.policy import Actor, Subject, visible
from services.transaction import Reading, Transaction, Transactions

SUNDAY = 6
MOST_WEEKS = 8
LONGEST_LEAVE = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class NewPattern:
    """A shift that comes every week."""

    clinician_id: UUID
    department_id: UUID
    kind: str
    weekday: int
    """Monday is 0."""
    hours: Hours
    valid_from: date
    valid_to: date | None = None
    site_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class PatternView:
    """A pattern as those who plan see it."""

    id: UUID
    clinician_id: UUID
    department_id: UUID
    kind: str
    weekday: int
    hours: Hours
    valid_from: date
    valid_to: date | None


@dataclass(frozen=True, slots=True)
class LaidOut:
    """What came of laying out weeks: shifts made, and days that could not be, with the reason."""

    made: tuple[UUID, ...]
    left_out: tuple[tuple[date, UUID, str], ...]
    """Day, clinician, error code."""


@dataclass(frozen=True, slots=True)
class Absence:
    """Time in which somebody does not work."""

    id: UUID
    owner_id: UUID
    starts_at: datetime
    ends_at: datetime
    reason: str


class Patterns:
    """The timetable's template, and who is away from it."""

    def __init__(
        self,
        transactions: Transactions,
        shifts: Shifts,
        clinicians: Clinicians,
        zone: ZoneInfo,
    ) -> None:
        self._transactions = transactions
        self._shifts = shifts
        self._clinicians = clinicians
        self._zone = zone

    async def add(self, actor: Actor, new: NewPattern) -> UUID:
        """Keep a weekly shift; weeks are made of it by `lay_out`.

        Raise as `checked_hours`, `Invalid`: `weekday_wrong`, `days_wrong`, `kind_unknown`; and as
        `Clinicians.may_treat`.
        """
        hours = checked_hours(new.hours)
        if not 0 <= new.weekday <= SUNDAY:
            raise Invalid("weekday_wrong")
        if new.valid_to is not None and new.valid_to < new.valid_from:
            raise Invalid("days_wrong")
        async with self._transactions.open(actor) as tx:
            home = actor.home
            place = Subject("shift_pattern", "", home, new.site_id, clinician_id=new.clinician_id)
            tx.allow(Action.SHIFT_CHANGE, place, weekday=new.weekday)
            await kind_of(tx, home, new.kind)
            day = max(new.valid_from, tx.now.astimezone(self._zone).date())
            await self._clinicians.may_treat(tx, new.clinician_id, new.department_id, day)
            row = ShiftPattern(
                id=new_id(),
                institution_id=home,
                site_id=await open_site(tx, home, new.site_id),
                clinician_id=new.clinician_id,
                department_id=new.department_id,
                kind=new.kind,
                weekday=new.weekday,
                part=hours.part,
                starts=hours.starts,
                ends=hours.ends,
                slot_minutes=hours.slot_minutes,
                capacity=hours.capacity,
                quotas=dict(hours.quotas or {}),
                valid_from=new.valid_from,
                valid_to=new.valid_to,
            )
            tx.session.add(row)
            return tx.answer(row.id)

    async def end(self, actor: Actor, pattern_id: UUID) -> None:
        """Make no more shifts of it; those that are made stay."""
        async with self._transactions.open(actor) as tx:
            row = await tx.get(ShiftPattern, pattern_id)
            tx.allow(Action.SHIFT_CHANGE, row, purpose="end")
            row.deleted_at = tx.now

    async def all(self, actor: Actor) -> list[PatternView]:
        """Return the patterns that count, by weekday and time."""
        async with self._transactions.read(actor) as tx:
            query = (
                select(ShiftPattern)
                .where(
                    visible(actor, Action.SHIFT_READ, ShiftPattern),
                    ShiftPattern.deleted_at.is_(None),
                )
                .order_by(ShiftPattern.weekday, ShiftPattern.starts, ShiftPattern.id)
            )
            return [_view(row) for row in await tx.session.scalars(query)]

    async def lay_out(self, actor: Actor, since: date, weeks: int = 1) -> LaidOut:
        """Make drafts of the patterns for some weeks from the Monday of `since`.

        What is there already is not made again; a day on which somebody cannot is left out and
        said. Raise `Invalid("weeks_wrong")`.
        """
        if not 1 <= weeks <= MOST_WEEKS:
            raise Invalid("weeks_wrong", most=MOST_WEEKS)
        monday = since - timedelta(days=since.weekday())
        async with self._transactions.open(actor) as tx:
            home = actor.home
            tx.allow(Action.SHIFT_CHANGE, Subject("shift", "", home), purpose="lay_out")
            rows = await _living(tx, home)
            done = await _made_before(tx, {row.id for row in rows}, monday, weeks)
            made, left_out = [], []
            for row, day in _days(rows, monday, weeks):
                if (row.id, day) in done:
                    continue
                tx.allow(Action.SHIFT_CHANGE, row, purpose="lay_out", day=day.isoformat())
                try:
                    made.append((await self._shifts.plan(tx, _shift(row, day))).id)
                except DomainError as trouble:
                    left_out.append((day, row.clinician_id, trouble.code))
            return tx.answer(LaidOut(tuple(made), tuple(left_out)))

    async def take_leave(
        self, actor: Actor, owner_id: UUID, starts: date, ends: date, reason: str
    ) -> int:
        """Enter that somebody is away on these days; published shifts then are stopped, drafts
        are taken away. Return how many shifts that were.

        Raise `Invalid("reason_needed")`, `("days_wrong")`, `("leave_too_long")`.
        """
        words = worded(reason)
        begin = moment(starts, datetime.min.time(), self._zone)
        end = moment(ends + timedelta(days=1), datetime.min.time(), self._zone)
        if end <= begin:
            raise Invalid("days_wrong")
        if end - begin > LONGEST_LEAVE:
            raise Invalid("leave_too_long", days=LONGEST_LEAVE.days)
        async with self._transactions.open(actor) as tx:
            people = await self._clinicians.colleagues(tx, {owner_id})
            if owner_id not in people:
                raise NotFound("not_found", what="Clinician", key=str(owner_id))
            row = Leave(
                id=new_id(),
                institution_id=people[owner_id].institution_id,
                site_id=people[owner_id].site_id,
                owner_id=owner_id,
                starts_at=begin,
                ends_at=end,
                reason=words,
                entered_by=actor.user_id,
            )
            tx.allow(Action.LEAVE_ENTER, row, purpose=words)
            tx.session.add(row)
            return tx.answer(await _clear(tx, row, words))

    async def end_leave(self, actor: Actor, leave_id: UUID) -> None:
        """Take back what was entered; stopped shifts stay stopped, new ones may be planned."""
        async with self._transactions.open(actor) as tx:
            row = await tx.get(Leave, leave_id)
            tx.allow(Action.LEAVE_ENTER, row, purpose="end")
            if row.deleted_at is not None:
                raise Conflict("leave_ended_already")
            row.deleted_at = tx.now

    async def absences(self, actor: Actor) -> list[Absence]:
        """Return who is away now or later, the next first."""
        async with self._transactions.read(actor) as tx:
            query = (
                select(Leave)
                .where(
                    visible(actor, Action.LEAVE_ENTER, Leave),
                    Leave.deleted_at.is_(None),
                    Leave.ends_at > tx.now,
                )
                .order_by(Leave.starts_at)
            )
            return [
                Absence(row.id, row.owner_id, row.starts_at, row.ends_at, row.reason)
                for row in await tx.session.scalars(query)
            ]


async def _clear(tx: Transaction, leave: Leave, words: str) -> int:
    query = select(Shift).where(
        Shift.clinician_id == leave.owner_id,
        Shift.state.in_((ShiftState.DRAFT, ShiftState.PUBLISHED)),
        Shift.starts_at < leave.ends_at,
        Shift.ends_at > max(leave.starts_at, tx.now),
    )
    rows = list(await tx.session.scalars(query.with_for_update()))
    for row in rows:
        if row.state is ShiftState.DRAFT:
            row.state = ShiftState.CLOSED
        else:
            await stop(tx, row, words)
    return len(rows)


async def _living(tx: Reading, home: UUID) -> list[ShiftPattern]:
    query = select(ShiftPattern).where(
        ShiftPattern.institution_id == home, ShiftPattern.deleted_at.is_(None)
    )
    return list(await tx.session.scalars(query.order_by(ShiftPattern.starts, ShiftPattern.id)))


async def _made_before(
    tx: Reading, ids: set[UUID], monday: date, weeks: int
) -> set[tuple[UUID | None, date]]:
    """Return which patterns have had their shift on which day, whatever became of it."""
    query = select(Shift.pattern_id, Shift.day).where(
        Shift.pattern_id.in_(ids),
        Shift.day.between(monday, monday + timedelta(weeks=weeks)),
        or_(Shift.state != ShiftState.CLOSED, Shift.opens_at.is_not(None)),
    )
    return {(row[0], row[1]) for row in await tx.session.execute(query)}


def _days(
    rows: list[ShiftPattern], monday: date, weeks: int
) -> Iterator[tuple[ShiftPattern, date]]:
    for week in range(weeks):
        for row in rows:
            day = monday + timedelta(weeks=week, days=row.weekday)
            if row.valid_from <= day and (row.valid_to is None or day <= row.valid_to):
                yield row, day


def _shift(row: ShiftPattern, day: date) -> NewShift:
    return NewShift(
        row.clinician_id, row.department_id, row.kind, day, _hours(row), row.site_id, row.id
    )


def _hours(row: ShiftPattern) -> Hours:
    return Hours(row.starts, row.ends, row.slot_minutes, row.capacity, row.quotas)


def _view(row: ShiftPattern) -> PatternView:
    return PatternView(
        id=row.id,
        clinician_id=row.clinician_id,
        department_id=row.department_id,
        kind=row.kind,
        weekday=row.weekday,
        hours=_hours(row),
        valid_from=row.valid_from,
        valid_to=row.valid_to,
    )
