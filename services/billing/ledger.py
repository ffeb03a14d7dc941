"""The books of billing: what a bill looks like, and how its rows are found and kept. (账)

Who changes a bill keeps its order first and its payments and refunds after that: everybody in the
same order, so that nobody waits for somebody who waits for them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select

from data.billing import Order, OrderState, Payment, PaymentState, Refund, RefundState
from data.errors import Invalid, NotFound
from services.policy import Subject
from services.transaction import Reading, Transaction

UNPAID = frozenset({OrderState.CREATED, OrderState.PAYING})
"""States in which an order waits for its money."""
UNDECIDED = frozenset({PaymentState.ASKED, PaymentState.UNKNOWN})
"""States of a payment that may still succeed."""


@dataclass(frozen=True, slots=True)
class Line:
    """One thing on a bill, at the price it was ordered at. (R-PRICE)"""

    item: str
    names: Mapping[str, str]
    fen: int
    version: int
    """Of the price list, when it was ordered."""

    def name(self, language: str) -> str:
        """Return what it is called in a language."""
        return self.names.get(language) or next(iter(self.names.values()), self.item)


@dataclass(frozen=True, slots=True)
class Returned:
    """Money that goes back, or went."""

    fen: int
    state: RefundState
    asked_at: datetime
    settled_at: datetime | None


@dataclass(frozen=True, slots=True)
class Bill:
    """An order as people see it."""

    order_id: UUID
    patient_id: UUID
    appointment_id: UUID | None
    lines: tuple[Line, ...]
    fen: int
    state: OrderState
    created_at: datetime
    pay_until: datetime
    paid_at: datetime | None
    closed_at: datetime | None
    refunds: tuple[Returned, ...]

    def is_payable(self, now: datetime) -> bool:
        """Tell whether it waits for money, and still may."""
        return self.state in UNPAID and now < self.pay_until

    def title(self, language: str) -> str:
        """Return what it is for."""
        return ", ".join(line.name(language) for line in self.lines)


def line_of(kept: Mapping[str, Any]) -> Line:
    """Return a line as an order keeps it."""
    return Line(kept["item"], kept["names"], kept["fen"], kept["version"])


async def bill_of(tx: Reading, row: Order) -> Bill:
    """Return an order with what has gone back of it."""
    query = select(Refund).where(Refund.order_id == row.id).order_by(Refund.asked_at, Refund.id)
    refunds = [
        Returned(each.amount_fen, each.state, each.asked_at, each.settled_at)
        for each in await tx.session.scalars(query)
    ]
    return Bill(
        order_id=row.id,
        patient_id=row.patient_id,
        appointment_id=row.appointment_id,
        lines=tuple(line_of(each) for each in row.lines),
        fen=row.amount_fen,
        state=row.state,
        created_at=row.created_at,
        pay_until=row.pay_until,
        paid_at=row.paid_at,
        closed_at=row.closed_at,
        refunds=tuple(refunds),
    )


async def payments_of(tx: Reading, order_id: UUID) -> list[Payment]:
    """Return every attempt to pay an order, first to last; keep the order first."""
    query = select(Payment).where(Payment.order_id == order_id).order_by(Payment.id)
    return list(await tx.session.scalars(query))


async def refunds_of(tx: Reading, order_id: UUID) -> list[Refund]:
    """Return every refund of an order, first to last; keep the order first."""
    query = select(Refund).where(Refund.order_id == order_id).order_by(Refund.id)
    return list(await tx.session.scalars(query))


async def payment_by(tx: Transaction, trade_number: str) -> tuple[Order, Payment]:
    """Keep the payment with this number of ours, and its order first.

    Raise `Invalid("payment_unknown")` if we never asked for it.
    """
    query = select(Payment.id, Payment.order_id).where(Payment.trade_number == trade_number)
    found = (await tx.session.execute(query)).one_or_none()
    if found is None:
        raise Invalid("payment_unknown")
    order = await tx.get(Order, found.order_id)
    return order, await tx.get(Payment, found.id)


async def refund_by(tx: Transaction, refund_id: UUID) -> tuple[Order, Payment, Refund]:
    """Keep a refund, with its order and its payment first; raise `NotFound`."""
    query = select(Refund.order_id, Refund.payment_id).where(Refund.id == refund_id)
    found = (await tx.session.execute(query)).one_or_none()
    if found is None:
        raise NotFound("not_found", what="Refund", key=str(refund_id))
    order = await tx.get(Order, found.order_id)
    payment = await tx.get(Payment, found.payment_id)
    return order, payment, await tx.get(Refund, refund_id)


def subject_of(refund: Refund, order: Order) -> Subject:
    """Return a refund as the policy is asked about it: it is theirs whose order it was."""
    return Subject(
        "refund",
        refund.id,
        institution_id=refund.institution_id,
        site_id=refund.site_id,
        owner_id=order.owner_id,
        patient_id=refund.patient_id,
    )


def yuan(fen: int) -> str:
    """Return an amount for a sentence that is kept: 20.00."""
    return f"{fen // 100}.{fen % 100:02}"
