"""Makers of bills and refunds; see tests/architecture/whose.py."""

from datetime import timedelta
from uuid import UUID

from data.billing import Order, Payment, Refund, RefundState
from data.clock import new_id
from tests.architecture.whose import Case

LARGE = 60_000
"""Fen: more than goes back without a second person."""


async def billed(case: Case) -> Order:
    """The bill of a visit that waits for its money; one's own was opened for one's account."""
    now = case.clinic.clock.now()
    row = Order(
        owner_id=case.owner_id,
        patient_id=new_id(),
        appointment_id=new_id(),
        lines=[{"item": "visit.video", "names": {"en": "Visit"}, "fen": LARGE, "version": 1}],
        amount_fen=LARGE,
        created_at=now,
        pay_until=now + timedelta(minutes=15),
        **case.place,
    )
    await case.keep(row)
    return row


async def bill(case: Case) -> UUID:
    """A bill; bills are never deleted."""
    return new_id() if case.deleted else (await billed(case)).id


async def billed_visit(case: Case) -> UUID:
    """A visit that has a bill."""
    row = None if case.deleted else await billed(case)
    return row.appointment_id if row and row.appointment_id else new_id()


async def _refund(case: Case, state: RefundState) -> UUID:
    if case.deleted:
        return new_id()
    order, now = await billed(case), case.clinic.clock.now()
    about = {"patient_id": order.patient_id, "order_id": order.id, "amount_fen": LARGE}
    payment = Payment(
        channel="sandbox", trade_number=new_id().hex, asked_at=now, **about, **case.place
    )
    row = Refund(
        payment_id=payment.id,
        refund_number=new_id().hex,
        reason="cancelled",
        state=state,
        asked_at=now,
        **about,
        **case.place,
    )
    await case.keep(payment, row)
    return row.id


async def large_refund(case: Case) -> UUID:
    """A refund that waits for a second person; none is ever deleted."""
    return await _refund(case, RefundState.REQUESTED)


async def failed_refund(case: Case) -> UUID:
    """A refund that its channel did not make; none is ever deleted."""
    return await _refund(case, RefundState.FAILED)
