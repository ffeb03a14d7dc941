"""Offers a place that becomes free to whoever has waited for it longest. (候补)"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import select

from data.appointments import (
    Appointment,
    Channel,
    Shift,
    ShiftState,
    Slot,
    SlotState,
    WaitlistEntry,
    WaitState,
)
from data.clock import new_id
from data.errors import Conflict, Invalid
from data.turns import take_turn
from services.appointments.booking import offer_timer
from services.appointments.limits import Limits
from services.appointments.places import FARTHEST
from services.inquiries import Persons
from services.notify import Note, Notify
from services.permissions import Action
from services.policy import HOUSE, Actor, Subject, visible
from services.transaction import Transaction, Transactions
from services.visit_events import (
    AppointmentCancelled,
    AppointmentExpired,
    OfferOver,
    PlaceOffered,
)

__all__ = ["Entry", "WaitList", "WaitState", "Wanted"]

KEPT = timedelta(minutes=30)
"""How long an offered place is kept for one person."""
LIVING = (WaitState.WAITING, WaitState.OFFERED)
MOST = 3
"""Living entries of one patient."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """With whom, how and on which days somebody would take a place."""

    patient_id: UUID
    clinician_id: UUID
    kind: str
    since: date
    until: date


@dataclass(frozen=True, slots=True)
class Entry:
    """A place on the wait-list, as its owner sees it."""

    id: UUID
    patient_id: UUID
    clinician_id: UUID
    kind: str
    since: date
    until: date
    state: WaitState
    offered_at: datetime | None
    """The time of the place that is offered."""
    offered_until: datetime | None


class WaitList:
    """The list of those who take what becomes free: they book it by `Wish.offer_id`."""

    def __init__(
        self, transactions: Transactions, notify: Notify, persons: Persons, limits: Limits
    ) -> None:
        self._transactions = transactions
        self._notify = notify
        self._persons = persons
        self._limits = limits

    async def join(self, actor: Actor, wanted: Wanted) -> UUID:
        """Wait for a place with one clinician; to ask for the same again does nothing.

        An offered place is kept from everybody else: who could not book it does not wait for it.
        Raise `Invalid("days_wrong")`, `Conflict("waitlist_full")`, and as `Limits.require_person`,
        `Limits.refuse_banned`.
        """
        async with self._transactions.open(actor) as tx:
            today = tx.now.astimezone(self._limits.zone).date()
            last = today + timedelta(days=FARTHEST)
            if wanted.until < wanted.since or wanted.until < today or wanted.since > last:
                raise Invalid("days_wrong")
            row = _row(actor, wanted, tx.now)
            about = Subject("waitlist_entry", row.id, actor.home, patient_id=wanted.patient_id)
            tx.allow(Action.WAITLIST_JOIN, about)
            await take_turn(tx.session, "patient", wanted.patient_id)
            self._limits.require_person(tx, await self._persons.person(tx, wanted.patient_id))
            await self._limits.refuse_banned(tx, wanted.patient_id)
            query = select(WaitlistEntry).where(
                WaitlistEntry.patient_id == wanted.patient_id, WaitlistEntry.state.in_(LIVING)
            )
            living = list(await tx.session.scalars(query.with_for_update()))
            for known in living:
                if (known.clinician_id, known.kind) == (wanted.clinician_id, wanted.kind):
                    known.since_day, known.until_day = wanted.since, wanted.until
                    return tx.answer(known.id)
            if len(living) >= MOST:
                raise Conflict("waitlist_full", most=MOST)
            tx.session.add(row)
            return tx.answer(row.id)

    async def leave(self, actor: Actor, entry_id: UUID) -> None:
        """Wait no longer; an offered place goes to the next."""
        async with self._transactions.open(actor) as tx:
            row = await tx.get(WaitlistEntry, entry_id)
            tx.allow(Action.WAITLIST_JOIN, row, purpose="leave")
            if row.state in LIVING:
                await self._end(tx, row, WaitState.LEFT)

    async def mine(self, actor: Actor) -> list[Entry]:
        """Return what one waits for."""
        async with self._transactions.read(actor) as tx:
            query = (
                select(WaitlistEntry, Slot.starts_at)
                .outerjoin(Slot, WaitlistEntry.slot_id == Slot.id)
                .where(
                    visible(actor, Action.WAITLIST_JOIN, WaitlistEntry),
                    WaitlistEntry.state.in_(LIVING),
                )
                .order_by(WaitlistEntry.created_at)
            )
            return [_entry(row[0], row[1]) for row in await tx.session.execute(query)]

    async def offer_cancelled(self, event: AppointmentCancelled) -> None:
        """Offer the place of a cancelled appointment."""
        await self._offer_of(event.appointment_id)

    async def offer_expired(self, event: AppointmentExpired) -> None:
        """Offer the place that nobody has paid for."""
        await self._offer_of(event.appointment_id)

    async def pass_on(self, event: OfferOver) -> None:
        """Offer a place to the next, for the first has not taken it (by the timer)."""
        async with self._transactions.open(HOUSE) as tx:
            row = await tx.get(WaitlistEntry, event.entry_id)
            tx.allow(Action.WAITLIST_SETTLE, row, purpose="over")
            if row.state is WaitState.OFFERED:
                await self._end(tx, row, WaitState.LAPSED)

    async def _offer_of(self, appointment_id: UUID) -> None:
        async with self._transactions.open(HOUSE) as tx:
            row = await tx.get(Appointment, appointment_id)
            tx.allow(Action.WAITLIST_SETTLE, row, purpose="offer")
            await self._offer(tx, await tx.get(Slot, row.slot_id))

    async def _end(self, tx: Transaction, row: WaitlistEntry, state: WaitState) -> None:
        was_offered, row.state = row.state is WaitState.OFFERED, state
        tx.forget(offer_timer(row.id))
        if was_offered and row.slot_id is not None:
            slot = await tx.get(Slot, row.slot_id)
            slot.state = SlotState.FREE
            await self._offer(tx, slot)

    async def _offer(self, tx: Transaction, slot: Slot) -> None:
        """Keep a free place for the first who waits for one like it."""
        if slot.state is not SlotState.FREE or slot.channel is not Channel.PORTAL:
            return
        shift = await tx.session.get(Shift, slot.shift_id)
        if shift is None or shift.state is not ShiftState.PUBLISHED or slot.starts_at <= tx.now:
            return
        query = (
            select(WaitlistEntry)
            .where(
                WaitlistEntry.clinician_id == shift.clinician_id,
                WaitlistEntry.kind == shift.kind,
                WaitlistEntry.state == WaitState.WAITING,
                WaitlistEntry.since_day <= shift.day,
                WaitlistEntry.until_day >= shift.day,
            )
            .order_by(WaitlistEntry.created_at, WaitlistEntry.id)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        entry = await tx.session.scalar(query)
        if entry is None:
            return
        slot.state = SlotState.LOCKED
        entry.state, entry.slot_id = WaitState.OFFERED, slot.id
        entry.offered_until = min(tx.now + KEPT, slot.starts_at)
        tx.later(offer_timer(entry.id), entry.offered_until, OfferOver(entry_id=entry.id))
        tx.announce(
            PlaceOffered(
                entry_id=entry.id,
                account_id=entry.owner_id,
                until=entry.offered_until,
                institution_id=entry.institution_id,
            )
        )
        await self._tell(tx, entry, slot)

    async def _tell(self, tx: Transaction, entry: WaitlistEntry, slot: Slot) -> None:
        note = Note(
            "place_offered",
            f"offer:{entry.id}:{slot.id}",
            entry.institution_id,
            to=entry.owner_id,
            values={"moment": slot.starts_at},
            link="/visits",
            expires_at=entry.offered_until,
            opens_until=entry.offered_until,
        )
        await self._notify.tell(tx, note)


def _row(actor: Actor, wanted: Wanted, now: datetime) -> WaitlistEntry:
    return WaitlistEntry(
        id=new_id(),
        institution_id=actor.home,
        owner_id=actor.user_id,
        patient_id=wanted.patient_id,
        clinician_id=wanted.clinician_id,
        kind=wanted.kind,
        since_day=wanted.since,
        until_day=wanted.until,
        created_at=now,
    )


def _entry(row: WaitlistEntry, starts_at: datetime | None) -> Entry:
    return Entry(
        id=row.id,
        patient_id=row.patient_id,
        clinician_id=row.clinician_id,
        kind=row.kind,
        since=row.since_day,
        until=row.until_day,
        state=row.state,
        offered_at=starts_at if row.state is WaitState.OFFERED else None,
        offered_until=row.offered_until,
    )
