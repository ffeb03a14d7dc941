"""What waits for a person: every alarm and every work list of every module is rows here."""

from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Index, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from data.base import L2, L3, L4, Base, Placed


class TaskState(StrEnum):
    OPEN = "open"
    TAKEN = "taken"
    DONE = "done"
    CANCELLED = "cancelled"


class Priority(IntEnum):
    """How much it presses; larger goes first."""

    LOW = 1
    NORMAL = 2
    HIGH = 3
    URGENT = 4


class Task(Placed, Base):
    """One thing to do, for one person or for whoever plays a role."""

    __tablename__ = "task"
    __table_args__ = (
        UniqueConstraint("institution_id", "key"),
        Index("ix_task_open", "institution_id", "state", "role"),
    )

    kind: Mapped[str] = mapped_column(index=True, info=L2)
    key: Mapped[str] = mapped_column(info=L3)
    """Natural: raising the same twice makes one."""
    values: Mapped[dict[str, Any]] = mapped_column(default_factory=dict, info=L4)
    words: Mapped[str] = mapped_column(Text, default="", info=L4)
    """The title in all languages, small letters: what a search looks through."""
    subject: Mapped[str] = mapped_column(default="", info=L3)
    patient_id: Mapped[UUID | None] = mapped_column(index=True, default=None, info=L4)
    owner_id: Mapped[UUID | None] = mapped_column(index=True, default=None, info=L3)
    barred_id: Mapped[UUID | None] = mapped_column(default=None, info=L3)
    """Whom it is about: they never do it, whatever their role."""
    role: Mapped[str | None] = mapped_column(default=None, info=L2)
    escalates_to: Mapped[str | None] = mapped_column(default=None, info=L2)
    escalated_at: Mapped[datetime | None] = mapped_column(default=None, info=L2)
    priority: Mapped[int] = mapped_column(default=Priority.NORMAL, info=L2)
    due_at: Mapped[datetime | None] = mapped_column(index=True, default=None, info=L2)
    state: Mapped[TaskState] = mapped_column(default=TaskState.OPEN, index=True, info=L2)
    note: Mapped[str] = mapped_column(Text, default="", info=L4)
    raised_by: Mapped[UUID] = mapped_column(info=L3)
    raised_at: Mapped[datetime] = mapped_column(index=True, info=L2)
    closed_by: Mapped[UUID | None] = mapped_column(default=None, info=L3)
    closed_at: Mapped[datetime | None] = mapped_column(default=None, info=L2)
    version: Mapped[int] = mapped_column(init=False, info=L2)
    __mapper_args__ = {"version_id_col": version}

    @property
    def is_open(self) -> bool:
        return self.state in {TaskState.OPEN, TaskState.TAKEN}
