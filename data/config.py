"""What the hospital's people set while the house runs, and what the house notes about itself."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from data.base import L2, L3, Base, Placed


class PolicyValue(Placed, Base):
    """A rule that an institution has set otherwise than we deliver it."""

    __tablename__ = "policy_value"
    __table_args__ = (UniqueConstraint("institution_id", "key"),)

    key: Mapped[str] = mapped_column(info=L2)
    value: Mapped[Any] = mapped_column(JSON, info=L2)
    version: Mapped[int] = mapped_column(init=False, info=L2)
    __mapper_args__ = {"version_id_col": version}


class PolicyChange(Placed, Base):
    """Who set a rule, from what to what, and why; kept for good."""

    __tablename__ = "policy_change"

    key: Mapped[str] = mapped_column(index=True, info=L2)
    before: Mapped[Any] = mapped_column(JSON, info=L2)
    after: Mapped[Any] = mapped_column(JSON, info=L2)
    reason: Mapped[str] = mapped_column(info=L3)
    changed_by: Mapped[UUID] = mapped_column(info=L3)
    undoes: Mapped[UUID | None] = mapped_column(default=None, info=L2)
    at: Mapped[datetime] = mapped_column(index=True, info=L2)


class Fact(Base):
    """Something the house found out about itself, and when: the last backup, the last drill."""

    __tablename__ = "fact"

    key: Mapped[str] = mapped_column(unique=True, info=L2)
    value: Mapped[dict[str, Any]] = mapped_column(info=L2)
    at: Mapped[datetime] = mapped_column(info=L2)
