"""Messages to people, over every channel, and the tray that catches those of a demo."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from data.base import L2, L4, Base, Placed


class Channel(StrEnum):
    IN_APP = "in_app"
    EMAIL = "email"
    SMS = "sms"


class MessageState(StrEnum):
    QUEUED = "queued"
    SENT = "sent"
    FAILED = "failed"
    READ = "read"


class Message(Placed, Base):
    """One message to one person over one channel."""

    __tablename__ = "message"
    __table_args__ = (Index("ix_message_owner", "owner_id", "channel", "state"),)

    key: Mapped[str] = mapped_column(unique=True, info=L2)
    """Natural: telling the same twice makes one."""
    template: Mapped[str] = mapped_column(info=L2)
    channel: Mapped[Channel] = mapped_column(info=L2)
    owner_id: Mapped[UUID | None] = mapped_column(default=None, info=L2)
    """Who it is for; empty where it goes to an address that has no account yet."""
    address: Mapped[str] = mapped_column(default="", info=L4)
    """Only for somebody without an account; everybody else's is looked up when it is sent."""
    language: Mapped[str] = mapped_column(default="", info=L2)
    values: Mapped[dict[str, Any]] = mapped_column(default_factory=dict, info=L4)
    link: Mapped[str] = mapped_column(default="", info=L2)
    state: Mapped[MessageState] = mapped_column(default=MessageState.QUEUED, index=True, info=L2)
    attempts: Mapped[int] = mapped_column(default=0, info=L2)
    reason: Mapped[str] = mapped_column(default="", info=L2)
    provider_number: Mapped[str] = mapped_column(default="", info=L2)
    queued_at: Mapped[datetime] = mapped_column(index=True, info=L2)
    expires_at: Mapped[datetime | None] = mapped_column(default=None, info=L2)
    sent_at: Mapped[datetime | None] = mapped_column(default=None, info=L2)
    read_at: Mapped[datetime | None] = mapped_column(default=None, info=L2)


class CaughtMessage(Base):
    """A message of a demo that no network ever saw: shown on the page of the sandbox inbox."""

    __tablename__ = "caught_message"

    reference: Mapped[str] = mapped_column(unique=True, info=L2)
    channel: Mapped[Channel] = mapped_column(info=L2)
    address: Mapped[str] = mapped_column(info=L4)
    subject: Mapped[str] = mapped_column(default="", info=L4)
    text: Mapped[str] = mapped_column(Text, info=L4)
    at: Mapped[datetime] = mapped_column(index=True, info=L2)
