"""Lays out who sees patients when, publishes it, and stops it when somebody cannot. (排班, 停诊)"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from data.appointments import DayPart, Leave, Shift, ShiftState, Slot, SlotState
from data.clock import new_id
from data.errors import Conflict, Invalid
from data.turns import take_turn
from services.appointments.hours import Hours, checked_hours, cut, moment
from services.appointments.kinds import kind_of
from services.inquiries import Clinicians
from services.institution import open_site
from services.permissions import Action
from services.policy import Actor, Subject, visible
from services.policy_settings import PolicySettings
from services.transaction import Reading, Transaction, Transactions
from services.visit_events import ShiftPassedOn, ShiftPublished, ShiftSuspended

__all__ = ["DayPart", "Hours", "NewShift", "ShiftState", "ShiftView", "Shifts"]

LONGEST_PAGE = timedelta(days=62)
LIVING = (ShiftState.DRAFT, ShiftState.PUBLISHED)
SHORTEST_REASON, LONGEST_REASON = 2, 200


@dataclass(frozen=True, slots=True)
class NewShift:
    """One clinician's time on one day."""

    clinician_id: UUID
    department_id: UUID
    kind: str
    day: date
    hours: Hours
    site_id: UUID | None = None
    pattern_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class ShiftView:
    """A shift as those who plan see it."""

    id: UUID
    clinician_id: UUID
    clinician: str
    department_id: UUID
    department: str
    kind: str
    day: date
    part: DayPart
    starts_at: datetime
    ends_at: datetime
    slot_minutes: int
    capacity: int
    state: ShiftState
    reason: str
    places: int
    taken: int
    version: int


class Shifts:
    """The timetable."""

    def __init__(
        self,
        transactions: Transactions,
        clinicians: Clinicians,
        policy: PolicySettings,
        zone: ZoneInfo,
    ) -> None:
        self._transactions = transactions
        self._clinicians = clinicians
        self._policy = policy
        self._zone = zone

    async def add(self, actor: Actor, new: NewShift) -> UUID:
        """Plan a shift that nobody sees yet; return it.

        Raise as `checked_hours`, `Invalid("shift_in_the_past")`, as `Clinicians.may_treat`, and
        `Conflict`: `shift_overlaps`, `clinician_on_leave`.
        """
        async with self._transactions.open(actor) as tx:
            tx.allow(Action.SHIFT_CHANGE, _place(actor, new), day=new.day.isoformat())
            row = await self.plan(tx, new)
            return tx.answer(row.id)

    async def plan(self, tx: Transaction, new: NewShift) -> Shift:
        """As `add`, as part of what `tx` does."""
        hours = checked_hours(new.hours)
        institution_id = tx.actor.home
        row = Shift(
            id=new_id(),
            institution_id=institution_id,
            site_id=await open_site(tx, institution_id, new.site_id),
            clinician_id=new.clinician_id,
            department_id=new.department_id,
            kind=new.kind,
            day=new.day,
            part=hours.part,
            starts_at=moment(new.day, hours.starts, self._zone),
            ends_at=moment(new.day, hours.ends, self._zone),
            slot_minutes=hours.slot_minutes,
            capacity=hours.capacity,
            quotas=dict(hours.quotas or {}),
            pattern_id=new.pattern_id,
        )
        if row.starts_at <= tx.now:
            raise Invalid("shift_in_the_past")
        await kind_of(tx, institution_id, new.kind)
        await self._clinicians.may_treat(tx, new.clinician_id, new.department_id, new.day)
        await self.require_free(tx, row, new.clinician_id)
        tx.session.add(row)
        await tx.session.flush()
        return row

    async def require_free(
        self, tx: Transaction, row: Shift, clinician_id: UUID, but: Collection[UUID] = ()
    ) -> None:
        """Go on only if the clinician has neither a shift nor leave at that time. (domain 5.1)"""
        await take_turn(tx.session, "shifts", clinician_id)
        shifts = select(Shift.id).where(
            Shift.clinician_id == clinician_id,
            Shift.state.in_(LIVING),
            Shift.starts_at < row.ends_at,
            Shift.ends_at > row.starts_at,
            Shift.id.not_in({row.id, *but}),
        )
        if await tx.session.scalar(shifts.limit(1)):
            raise Conflict("shift_overlaps")
        leave = select(Leave.id).where(
            Leave.owner_id == clinician_id,
            Leave.deleted_at.is_(None),
            Leave.starts_at < row.ends_at,
            Leave.ends_at > row.starts_at,
        )
        if await tx.session.scalar(leave.limit(1)):
            raise Conflict("clinician_on_leave")

    async def publish(self, actor: Actor, shift_ids: Collection[UUID]) -> int:
        """Let patients see these drafts and, from their release on, book them; return how many.

        What is published already stays so. Raise as `Clinicians.may_treat`.
        """
        async with self._transactions.open(actor) as tx:
            published = 0
            for shift_id in shift_ids:
                row = await tx.get(Shift, shift_id)
                tx.allow(Action.SHIFT_CHANGE, row, purpose="publish")
                if row.state is not ShiftState.DRAFT:
                    continue
                await self._clinicians.may_treat(tx, row.clinician_id, row.department_id, row.day)
                self._publish(tx, row)
                published += 1
            return tx.answer(published)

    def _publish(self, tx: Transaction, row: Shift) -> None:
        days = self._policy.number("policy.slot.release_days", row.institution_id)
        clock = self._policy.moment("policy.slot.release_time", row.institution_id)
        row.opens_at = moment(row.day - timedelta(days=days), clock, self._zone)
        row.state = ShiftState.PUBLISHED
        tx.session.add_all(
            Slot(
                institution_id=row.institution_id,
                site_id=row.site_id,
                shift_id=row.id,
                seq=place.seq,
                starts_at=place.starts_at,
                ends_at=place.ends_at,
                channel=place.channel,
            )
            for place in cut(row.day, self._hours(row), self._zone)
        )
        tx.announce(
            ShiftPublished(
                shift_id=row.id, clinician_id=row.clinician_id, institution_id=row.institution_id
            )
        )

    async def discard(self, actor: Actor, shift_id: UUID) -> None:
        """Take a draft away; raise `Conflict("shift_not_draft")` for what patients have seen."""
        async with self._transactions.open(actor) as tx:
            row = await tx.get(Shift, shift_id)
            tx.allow(Action.SHIFT_CHANGE, row, purpose="discard")
            if row.state is not ShiftState.DRAFT:
                raise Conflict("shift_not_draft")
            row.state = ShiftState.CLOSED

    async def suspend(self, actor: Actor, shift_id: UUID, reason: str) -> None:
        """Stop a published shift (停诊): the hospital cancels every booking of it, pays back in
        full, tells, and offers another time. (domain 5.1)

        Raise `Invalid("reason_needed")`, `Conflict("shift_not_published")`.
        """
        words = worded(reason)
        async with self._transactions.open(actor) as tx:
            row = await tx.get(Shift, shift_id)
            tx.allow(Action.SHIFT_SUSPEND, row, purpose=words)
            if row.state is not ShiftState.PUBLISHED:
                raise Conflict("shift_not_published")
            await stop(tx, row, words)

    async def pass_on(self, actor: Actor, shift_id: UUID, to: UUID, reason: str) -> None:
        """Let another clinician hold a shift, also one under way (替诊); who has booked is told and
        may cancel.

        Raise as `add`, `Invalid("reason_needed")`, `Conflict("shift_not_living")`.
        """
        words = worded(reason)
        async with self._transactions.open(actor) as tx:
            row = await tx.get(Shift, shift_id)
            tx.allow(Action.SHIFT_CHANGE, row, purpose=words, to=str(to))
            await self._give(tx, row, to, words)

    async def swap(self, actor: Actor, one_id: UUID, other_id: UUID, reason: str) -> None:
        """Let two clinicians hold each other's shift (换班). Raise as `pass_on`."""
        words = worded(reason)
        async with self._transactions.open(actor) as tx:
            one, other = await tx.get(Shift, one_id), await tx.get(Shift, other_id)
            for row in (one, other):
                tx.allow(Action.SHIFT_CHANGE, row, purpose=words)
            if one.clinician_id == other.clinician_id:
                raise Conflict("shift_same_clinician")
            mine, theirs = one.clinician_id, other.clinician_id
            await self._give(tx, one, theirs, words, but=[other.id])
            await self._give(tx, other, mine, words, but=[one.id])

    async def _give(
        self, tx: Transaction, row: Shift, to: UUID, words: str, but: Collection[UUID] = ()
    ) -> None:
        if row.state not in LIVING or row.ends_at <= tx.now:
            raise Conflict("shift_not_living")
        if to == row.clinician_id:
            raise Conflict("shift_same_clinician")
        await self._clinicians.may_treat(tx, to, row.department_id, row.day)
        await self.require_free(tx, row, to, but)
        before, row.clinician_id, row.given_by = row.clinician_id, to, row.clinician_id
        row.state_reason = words
        if row.state is ShiftState.PUBLISHED:
            tx.announce(
                ShiftPassedOn(
                    shift_id=row.id,
                    was=before,
                    clinician_id=to,
                    institution_id=row.institution_id,
                )
            )

    async def page(
        self, actor: Actor, since: date, until: date, department_id: UUID | None = None
    ) -> list[ShiftView]:
        """Return the shifts of these days (`until` included), two months at most."""
        if until < since or until - since > LONGEST_PAGE:
            raise Invalid("days_wrong")
        async with self._transactions.read(actor) as tx:
            query = select(Shift).where(
                visible(actor, Action.SHIFT_READ, Shift), Shift.day.between(since, until)
            )
            if department_id is not None:
                query = query.where(Shift.department_id == department_id)
            rows = list(await tx.session.scalars(query.order_by(Shift.starts_at, Shift.id)))
            return await self._views(tx, rows)

    async def _views(self, tx: Reading, rows: list[Shift]) -> list[ShiftView]:
        people = await self._clinicians.colleagues(tx, {row.clinician_id for row in rows})
        names = await self._clinicians.departments(tx, {row.department_id for row in rows})
        taken = await _taken(tx, {row.id for row in rows})
        views = []
        for row in rows:
            person = people.get(row.clinician_id)
            views.append(
                ShiftView(
                    id=row.id,
                    clinician_id=row.clinician_id,
                    clinician=person.name if person else "",
                    department_id=row.department_id,
                    department=names.get(row.department_id, ""),
                    kind=row.kind,
                    day=row.day,
                    part=row.part,
                    starts_at=row.starts_at,
                    ends_at=row.ends_at,
                    slot_minutes=row.slot_minutes,
                    capacity=row.capacity,
                    state=row.state,
                    reason=row.state_reason,
                    places=self._hours(row).places,
                    taken=taken.get(row.id, 0),
                    version=row.version,
                )
            )
        return views

    def _hours(self, row: Shift) -> Hours:
        starts, ends = (at.astimezone(self._zone).time() for at in (row.starts_at, row.ends_at))
        return Hours(starts, ends, row.slot_minutes, row.capacity, row.quotas)


async def stop(tx: Transaction, row: Shift, words: str) -> None:
    """Suspend a published shift; its free places go, its booked ones follow by the event."""
    row.state, row.state_reason = ShiftState.SUSPENDED, words
    free = select(Slot).where(Slot.shift_id == row.id, Slot.state == SlotState.FREE)
    for slot in await tx.session.scalars(free.with_for_update()):
        slot.state = SlotState.RELEASED
    tx.announce(
        ShiftSuspended(
            shift_id=row.id,
            clinician_id=row.clinician_id,
            institution_id=row.institution_id,
            reason=words,
        )
    )


def worded(reason: str) -> str:
    """Return a reason in one line, or raise `Invalid("reason_needed")`."""
    words = " ".join(reason.split())
    if not SHORTEST_REASON <= len(words) <= LONGEST_REASON:
        raise Invalid("reason_needed", low=SHORTEST_REASON, high=LONGEST_REASON)
    return words


async def _taken(tx: Reading, ids: set[UUID]) -> dict[UUID, int]:
    query = (
        select(Slot.shift_id, func.count(Slot.id))
        .where(
            Slot.shift_id.in_(ids),
            Slot.state.in_((SlotState.LOCKED, SlotState.BOOKED, SlotState.USED)),
        )
        .group_by(Slot.shift_id)
    )
    return {row[0]: row[1] for row in await tx.session.execute(query)}


def _place(actor: Actor, new: NewShift) -> Subject:
    return Subject("shift", "", actor.institution_id, new.site_id, clinician_id=new.clinician_id)
