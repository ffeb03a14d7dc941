"""What is owed: events to their handlers, and events to a later moment.

Written in the same unit of work as the change they tell of, so that neither is there alone.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from data.base import L2, L3, L4, Base


class OutboxEvent(Base):
    """Something that has happened, as JSON."""

    __tablename__ = "outbox_event"

    name: Mapped[str] = mapped_column(info=L2)
    payload: Mapped[str] = mapped_column(Text, info=L4)
    at: Mapped[datetime] = mapped_column(index=True, info=L2)


class Delivery(Base):
    """One event owed to one handler, so that a failing handler holds up nobody else.

    Due while `due_at` is set; done when it is empty; parked when `parked_at` is set too late for
    any more tries, until somebody replays it.
    """

    __tablename__ = "outbox_delivery"
    __table_args__ = (
        UniqueConstraint("event_id", "handler"),
        Index("ix_outbox_delivery_parked", "parked_at"),
    )

    event_id: Mapped[UUID] = mapped_column(ForeignKey(OutboxEvent.id, ondelete="CASCADE"), info=L2)
    handler: Mapped[str] = mapped_column(info=L2)
    due_at: Mapped[datetime | None] = mapped_column(index=True, info=L2)
    attempts: Mapped[int] = mapped_column(default=0, info=L2)
    parked_at: Mapped[datetime | None] = mapped_column(default=None, info=L2)
    error: Mapped[str | None] = mapped_column(default=None, info=L3)
    event: Mapped[OutboxEvent] = relationship(init=False, lazy="joined")


class Timer(Base):
    """An event that is to happen at a moment; one a key, so setting it again moves it."""

    __tablename__ = "timer"

    key: Mapped[str] = mapped_column(unique=True, info=L2)
    due_at: Mapped[datetime] = mapped_column(index=True, info=L2)
    name: Mapped[str] = mapped_column(info=L2)
    payload: Mapped[str] = mapped_column(Text, info=L4)


class Answered(Base):
    """What a caller was answered for an idempotency key, so that asking again changes nothing."""

    __tablename__ = "answered"
    __table_args__ = (UniqueConstraint("scope", "key"),)

    scope: Mapped[str] = mapped_column(info=L2)
    key: Mapped[str] = mapped_column(info=L2)
    body_digest: Mapped[str] = mapped_column(info=L2)
    answer: Mapped[str] = mapped_column(Text, info=L4)
    at: Mapped[datetime] = mapped_column(index=True, info=L2)
