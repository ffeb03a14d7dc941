"""The institution that runs this house, and its sites (院区, 基层点)."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column, synonym

from data.base import L1, L2, Base


class Institution(Base):
    """A licensed medical institution (医疗机构); all else hangs on one. (R-ORG-1)"""

    __tablename__ = "institution"

    name: Mapped[str] = mapped_column(info=L1)
    uscc: Mapped[str] = mapped_column(unique=True, info=L1)  # 统一社会信用代码, GB 32100
    licence_number: Mapped[str] = mapped_column(default="", info=L1)
    licence_valid_to: Mapped[date | None] = mapped_column(default=None, info=L1)
    grading_number: Mapped[str] = mapped_column(default="", info=L1)  # 等保备案证明编号
    grading_valid_to: Mapped[date | None] = mapped_column(default=None, info=L1)
    phone: Mapped[str] = mapped_column(default="", info=L1)
    is_demo: Mapped[bool] = mapped_column(default=False, info=L2)
    created_at: Mapped[datetime] = mapped_column(info=L2)
    version: Mapped[int] = mapped_column(init=False, info=L2)
    __mapper_args__ = {"version_id_col": version}


class Site(Base):
    """A place where the institution works: the main building, a branch, a village clinic."""

    __tablename__ = "site"

    institution_id: Mapped[UUID] = mapped_column(ForeignKey(Institution.id), index=True, info=L2)
    site_id: Mapped[UUID] = synonym("id", init=False)  # it lies at itself: rules ask where
    name: Mapped[str] = mapped_column(info=L1)
    address: Mapped[str] = mapped_column(default="", info=L1)
    phone: Mapped[str] = mapped_column(default="", info=L1)
    deleted_at: Mapped[datetime | None] = mapped_column(default=None, info=L2)
    created_at: Mapped[datetime] = mapped_column(info=L2)
    version: Mapped[int] = mapped_column(init=False, info=L2)
    __mapper_args__ = {"version_id_col": version}
