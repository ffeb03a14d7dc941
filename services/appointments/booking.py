"""Takes a place for a patient, holds it while they pay, and gives it back. (预约, domain 5.2)"""

import secrets
from datetime import timedelta
from uuid import UUID

from sqlalchemy import case, select

from data.appointments import (
    Appointment,
    AppointmentState,
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
from data.institution import Institution
from data.turns import take_turn
from services.appointments.kinds import Kind, kind_of
from services.appointments.limits import LIVING, Limits, is_desk
from services.appointments.places import open_now
from services.appointments.shifts import worded
from services.appointments.terms import (
    Booked,
    Known,
    Wish,
    about,
    booked,
    cancelled,
    confirmed,
    held,
)
from services.inquiries import Person, Price
from services.permissions import Action
from services.policy import HOUSE, Actor
from services.transaction import Transaction, Transactions
from services.visit_events import (
    AppointmentExpired,
    AppointmentLapsed,
    AppointmentMoved,
    AppointmentReminderDue,
    HoldOver,
    OrderClosed,
    OrderPaid,
    ShiftPassedOn,
    ShiftSuspended,
)

__all__ = ["AppointmentState", "Booked", "Booking", "Channel", "Wish"]

LATEST_RETURN = 10
"""Minutes after which a place that was given back can be taken again at the latest. (domain 5.1)"""
MOVED = "moved"
"""To another doctor than the one booked: who does not like it may cancel at any time."""
GIVEN_BACK = (AppointmentState.CREATED, AppointmentState.CONFIRMED)


class Booking:
    """The clerk who gives out places."""

    def __init__(self, transactions: Transactions, known: Known, limits: Limits) -> None:
        self._transactions = transactions
        self._known = known
        self._limits = limits
        self._policy = limits.policy

    async def hold(self, actor: Actor, wish: Wish) -> Booked:
        """Take a place: held until it is paid, sure at once where nothing is to pay.

        Raise `Conflict`: `patient_unverified`, `guardian_needed_to_book`, `licence_expired`,
        `slot_taken`, `offer_over`, `kind_not_offered`, and as `Clinicians.may_treat`,
        `Limits.require`, `Prices.price`. (R-PAT-1, R-PAT-2, R-ORG-1, R-ORG-2, R-STF-1, R-PRICE)
        """
        async with self._transactions.open(actor) as tx:
            person = await self._known.persons.person(tx, wish.patient_id)
            tx.allow(Action.APPOINTMENT_BOOK, about(person), purpose=wish.words)
            await take_turn(tx.session, "patient", wish.patient_id)
            await self._require_person(tx, person)
            slot, shift = await (_offered if wish.offer_id else _free)(tx, wish)
            kind = await kind_of(tx, actor.home, shift.kind)
            if not kind.is_offered:
                raise Conflict("kind_not_offered")
            await self._known.clinicians.may_treat(
                tx, shift.clinician_id, shift.department_id, shift.day
            )
            await self._limits.require(tx, wish.patient_id, shift)
            price = await self._known.prices.price(tx, actor.home, kind.price_item)
            row = self._row(tx, wish, slot, shift, price, person)
            row.is_by_proxy = actor.user_id != person.own_account
            tx.session.add(row)
            slot.appointment_id = row.id
            self._begin(tx, row, slot, kind)
            return tx.answer(booked(row))

    async def _require_person(self, tx: Transaction, person: Person) -> None:
        """Go on only if they may be seen here, and if the actor may say so for them."""
        institution = await tx.session.get(Institution, tx.actor.home)
        if institution is None:
            raise Invalid("institution_needed")
        self._known.licences.require(tx, institution)
        self._limits.require_person(tx, person)

    def _row(
        self,
        tx: Transaction,
        wish: Wish,
        slot: Slot,
        shift: Shift,
        price: Price,
        person: Person,
    ) -> Appointment:
        return Appointment(
            id=new_id(),
            institution_id=shift.institution_id,
            site_id=shift.site_id,
            owner_id=person.answering if is_desk(tx.actor) else tx.actor.user_id,
            patient_id=wish.patient_id,
            slot_id=slot.id,
            shift_id=shift.id,
            clinician_id=shift.clinician_id,
            department_id=shift.department_id,
            kind=shift.kind,
            starts_at=slot.starts_at,
            ends_at=slot.ends_at,
            channel=slot.channel,
            price_fen=price.fen,
            price_version=price.version,
            booked_by=tx.actor.user_id,
            created_at=tx.now,
        )

    def _begin(self, tx: Transaction, row: Appointment, slot: Slot, kind: Kind) -> None:
        if row.price_fen == 0:
            slot.state = SlotState.BOOKED
            self._confirm(tx, row, kind)
            return
        slot.state = SlotState.LOCKED
        row.hold_until = tx.now + self._policy.span("policy.slot.lock_minutes", row.institution_id)
        tx.later(_timer(row.id), row.hold_until, HoldOver(appointment_id=row.id))
        tx.announce(held(row, kind, row.hold_until))

    def _confirm(self, tx: Transaction, row: Appointment, kind: Kind) -> None:
        row.state, row.confirmed_at, row.hold_until = AppointmentState.CONFIRMED, tx.now, None
        self._set_timers(tx, row)
        tx.announce(confirmed(row, kind))

    def _set_timers(self, tx: Transaction, row: Appointment) -> None:
        """Remind of it some hours before; look again when its time has passed."""
        grace = self._policy.span("policy.appt.noshow_grace_minutes", row.institution_id)
        tx.later(f"lapse:{row.id}", row.ends_at + grace, AppointmentLapsed(appointment_id=row.id))
        hours: list[int] = self._policy.value("policy.appt.reminder_hours", row.institution_id)
        for ahead in hours:
            due = row.starts_at - timedelta(hours=ahead)
            if due > tx.now:
                reminder = AppointmentReminderDue(appointment_id=row.id, hours=ahead)
                tx.later(f"remind:{row.id}:{ahead}", due, reminder)

    async def confirm(self, event: OrderPaid) -> None:
        """Make a held place sure, now that it is paid; what is paid too late is paid back."""
        if event.appointment_id is None:
            return
        async with self._transactions.open(HOUSE) as tx:
            row = await tx.get(Appointment, event.appointment_id)
            tx.allow(Action.APPOINTMENT_SETTLE, row, purpose="paid")
            if row.state is AppointmentState.CREATED:
                slot = await tx.get(Slot, row.slot_id)
                slot.state = SlotState.BOOKED
                tx.forget(_timer(row.id))
                kind = await kind_of(tx, row.institution_id, row.kind)
                self._confirm(tx, row, kind)
            elif row.state not in LIVING and row.confirmed_at is None:
                row.state_reason = "paid_late"
                tx.announce(cancelled(row, "paid_late", refund=True))

    async def let_go(self, event: HoldOver) -> None:
        """Give back a place that was not paid in time (by the timer)."""
        await self._expire(event.appointment_id)

    async def let_go_unpaid(self, event: OrderClosed) -> None:
        """Give back a place whose order is closed without payment."""
        if event.appointment_id is not None:
            await self._expire(event.appointment_id)

    async def _expire(self, appointment_id: UUID) -> None:
        async with self._transactions.open(HOUSE) as tx:
            row = await tx.get(Appointment, appointment_id)
            tx.allow(Action.APPOINTMENT_SETTLE, row, purpose="expire")
            if row.state is not AppointmentState.CREATED:
                return
            row.state, row.closed_at = AppointmentState.EXPIRED, tx.now
            await self._give_back(tx, row)
            tx.forget(_timer(row.id))
            tx.announce(AppointmentExpired(appointment_id=row.id))

    async def cancel(self, actor: Actor, appointment_id: UUID) -> None:
        """Give up one's place, or that of somebody who asks the desk; what was paid comes back.

        In full, as long as it is in time. (R-PAY-3)
        Raise `Conflict`: `too_late_to_cancel`, `appointment_over`.
        """
        async with self._transactions.open(actor) as tx:
            row = await tx.get(Appointment, appointment_id)
            tx.allow(Action.APPOINTMENT_CANCEL, row)
            if row.state not in GIVEN_BACK:
                raise Conflict("appointment_over", state=str(row.state))
            before = self._policy.span("policy.appt.cancel_before_minutes", row.institution_id)
            bound = row.state is AppointmentState.CONFIRMED and row.state_reason != MOVED
            if bound and tx.now > row.starts_at - before:
                minutes = int(before.total_seconds() // 60)
                raise Conflict("too_late_to_cancel", minutes=minutes)
            await self._drop(tx, row, AppointmentState.CANCELLED, "patient")
            tx.answer(None)

    async def cancel_for_hospital(self, actor: Actor, appointment_id: UUID, reason: str) -> None:
        """Cancel as the hospital: everything is paid back, whenever it is.

        Raise `Invalid("reason_needed")`, `Conflict("appointment_over")`.
        """
        words = worded(reason)
        async with self._transactions.open(actor) as tx:
            row = await tx.get(Appointment, appointment_id)
            tx.allow(Action.APPOINTMENT_CANCEL_FOR_HOSPITAL, row, purpose=words)
            if row.state not in LIVING or row.state is AppointmentState.IN_CONSULT:
                raise Conflict("appointment_over", state=str(row.state))
            row.state_reason = words
            await self._drop(tx, row, AppointmentState.CANCELLED_BY_HOSPITAL, "hospital")
            tx.answer(None)

    async def clear_shift(self, event: ShiftSuspended) -> None:
        """Cancel for the hospital every booking of a shift that does not take place. (停诊)"""
        async with self._transactions.open(HOUSE) as tx:
            query = select(Appointment).where(
                Appointment.shift_id == event.shift_id,
                Appointment.state.in_((*GIVEN_BACK, AppointmentState.CHECKED_IN)),
            )
            for row in await tx.session.scalars(query.with_for_update()):
                tx.allow(Action.APPOINTMENT_SETTLE, row, purpose="shift_suspended")
                row.state_reason = event.reason
                await self._drop(tx, row, AppointmentState.CANCELLED_BY_HOSPITAL, "shift")

    async def move_shift(self, event: ShiftPassedOn) -> None:
        """Let the bookings of a shift follow it to another clinician. (替诊)"""
        async with self._transactions.open(HOUSE) as tx:
            query = select(Appointment).where(
                Appointment.shift_id == event.shift_id, Appointment.state.in_(LIVING)
            )
            for row in await tx.session.scalars(query.with_for_update()):
                tx.allow(Action.APPOINTMENT_SETTLE, row, purpose="shift_passed_on")
                row.clinician_id, row.state_reason = event.clinician_id, MOVED
                tx.announce(
                    AppointmentMoved(
                        appointment_id=row.id,
                        account_id=row.owner_id,
                        clinician_id=row.clinician_id,
                        institution_id=row.institution_id,
                    )
                )

    async def _drop(
        self, tx: Transaction, row: Appointment, state: AppointmentState, by: str
    ) -> None:
        row.state, row.closed_at = state, tx.now
        await self._give_back(tx, row)
        tx.forget(_timer(row.id))
        tx.forget(f"lapse:{row.id}")
        tx.announce(cancelled(row, by, refund=row.confirmed_at is not None))

    async def _give_back(self, tx: Transaction, row: Appointment) -> None:
        """Let the place be taken again, but not at once: nobody is to pass it on by arrangement."""
        slot = await tx.get(Slot, row.slot_id)
        shift = await tx.session.get(Shift, slot.shift_id)
        slot.appointment_id = None
        if shift is not None and shift.state is not ShiftState.PUBLISHED:
            slot.state = SlotState.RELEASED
            return
        slot.state = SlotState.FREE
        slot.free_at = tx.now + timedelta(minutes=1 + secrets.randbelow(LATEST_RETURN))


def _timer(appointment_id: UUID) -> str:
    return f"hold:{appointment_id}"


async def _free(tx: Transaction, wish: Wish) -> tuple[Slot, Shift]:
    """Return a free place at that time, kept from others until we are done."""
    doors = (Channel.WINDOW, Channel.PORTAL) if is_desk(tx.actor) else (Channel.PORTAL,)
    query = (
        select(Slot, Shift)
        .join(Shift, Slot.shift_id == Shift.id)
        .where(
            Shift.institution_id == tx.actor.home,
            Shift.clinician_id == wish.clinician_id,
            Shift.kind == wish.kind,
            Slot.starts_at == wish.starts_at,
            *open_now(tx.now, doors),
        )
        .order_by(case((Slot.channel == Channel.PORTAL, 1), else_=0), Slot.seq)
        .limit(1)
        .with_for_update(of=Slot, skip_locked=True)
    )
    found = (await tx.session.execute(query)).first()
    if found is None:
        raise Conflict("slot_taken")
    return found[0], found[1]


async def _offered(tx: Transaction, wish: Wish) -> tuple[Slot, Shift]:
    """Return the place that is kept for this patient on the wait-list; it is taken with that.

    Raise `Conflict("offer_over")`.
    """
    if wish.offer_id is None:
        raise Conflict("offer_over")
    entry = await tx.get(WaitlistEntry, wish.offer_id)
    kept = entry.state is WaitState.OFFERED and entry.patient_id == wish.patient_id
    if not kept or entry.slot_id is None:
        raise Conflict("offer_over")
    slot = await tx.get(Slot, entry.slot_id)
    shift = await tx.get(Shift, slot.shift_id)
    if shift.state is not ShiftState.PUBLISHED or slot.starts_at <= tx.now:
        raise Conflict("offer_over")
    entry.state = WaitState.TAKEN
    tx.forget(offer_timer(entry.id))
    return slot, shift


def offer_timer(entry_id: UUID) -> str:
    """Return the key of the timer that ends an offer of the wait-list."""
    return f"offer:{entry_id}"
