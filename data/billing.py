"""What things cost and what was paid: prices with versions, orders, payments, refunds. (收费)"""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from data.base import L1, L2, L3, Base, Placed


class Tariff(Placed, Base):
    """What one item costs from a day on; never changed, only followed by another. (R-PRICE)"""

    __tablename__ = "tariff"

    item: Mapped[str] = mapped_column(index=True, info=L1)
    version: Mapped[int] = mapped_column(info=L1)
    names: Mapped[dict[str, Any]] = mapped_column(info=L1)  # language -> name
    price_fen: Mapped[int] = mapped_column(info=L1)
    effective_from: Mapped[datetime] = mapped_column(info=L1)
    entered_by: Mapped[UUID] = mapped_column(info=L3)

    __table_args__ = (UniqueConstraint("institution_id", "item", "version"),)


class OrderState(StrEnum):
    """What has become of an order. (domain 5.6)"""

    CREATED = "created"
    PAYING = "paying"
    PAID = "paid"
    PARTIAL_REFUNDED = "partial_refunded"
    REFUNDED = "refunded"
    CLOSED = "closed"


class Order(Placed, Base):
    """What somebody is to pay, with the price as it was when they ordered."""

    __tablename__ = "sales_order"  # `order` is a word of SQL's own

    owner_id: Mapped[UUID | None] = mapped_column(default=None, index=True, info=L2)
    patient_id: Mapped[UUID] = mapped_column(index=True, info=L2)
    appointment_id: Mapped[UUID | None] = mapped_column(default=None, unique=True, info=L2)
    lines: Mapped[list[dict[str, Any]]] = mapped_column(info=L3)
    amount_fen: Mapped[int] = mapped_column(info=L2)
    state: Mapped[OrderState] = mapped_column(default=OrderState.CREATED, index=True, info=L2)
    created_at: Mapped[datetime] = mapped_column(index=True, info=L2)
    pay_until: Mapped[datetime] = mapped_column(info=L2)
    paid_at: Mapped[datetime | None] = mapped_column(default=None, info=L2)
    closed_at: Mapped[datetime | None] = mapped_column(default=None, info=L2)
    version: Mapped[int] = mapped_column(init=False, info=L2)

    __mapper_args__ = {"version_id_col": version}


class PaymentState(StrEnum):
    """What a payment channel said."""

    ASKED = "asked"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    UNKNOWN = "unknown"


class Payment(Placed, Base):
    """One attempt to pay an order through one channel."""

    __tablename__ = "payment"

    patient_id: Mapped[UUID] = mapped_column(index=True, info=L2)
    order_id: Mapped[UUID] = mapped_column(ForeignKey(Order.id), index=True, info=L2)
    channel: Mapped[str] = mapped_column(info=L2)
    trade_number: Mapped[str] = mapped_column(unique=True, info=L3)  # ours, told to the channel
    channel_number: Mapped[str] = mapped_column(default="", index=True, info=L3)  # the channel's
    amount_fen: Mapped[int] = mapped_column(info=L2)
    state: Mapped[PaymentState] = mapped_column(default=PaymentState.ASKED, index=True, info=L2)
    asked_at: Mapped[datetime] = mapped_column(info=L2)
    settled_at: Mapped[datetime | None] = mapped_column(default=None, info=L2)
    version: Mapped[int] = mapped_column(init=False, info=L2)

    __mapper_args__ = {"version_id_col": version}


class RefundState(StrEnum):
    """How far a refund has come. (domain 5.6)"""

    REQUESTED = "requested"
    APPROVED = "approved"
    PROCESSING = "processing"
    SUCCESS = "success"
    FAILED = "failed"


class Refund(Placed, Base):
    """Money that goes back, and why."""

    __tablename__ = "refund"

    patient_id: Mapped[UUID] = mapped_column(index=True, info=L2)
    order_id: Mapped[UUID] = mapped_column(ForeignKey(Order.id), index=True, info=L2)
    payment_id: Mapped[UUID] = mapped_column(ForeignKey(Payment.id), index=True, info=L2)
    refund_number: Mapped[str] = mapped_column(unique=True, info=L3)
    amount_fen: Mapped[int] = mapped_column(info=L2)
    reason: Mapped[str] = mapped_column(info=L3)
    state: Mapped[RefundState] = mapped_column(default=RefundState.REQUESTED, index=True, info=L2)
    asked_at: Mapped[datetime] = mapped_column(info=L2)
    tries: Mapped[int] = mapped_column(default=0, info=L2)
    settled_at: Mapped[datetime | None] = mapped_column(default=None, info=L2)
    version: Mapped[int] = mapped_column(init=False, info=L2)

    __mapper_args__ = {"version_id_col": version}
