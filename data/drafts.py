"""What people have typed and not yet sent (草稿)."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from data.base import L2, L4, Base
from data.sealed import Sealed


class Draft(Base):
    """What one person has typed into one form."""

    __tablename__ = "draft"
    __table_args__ = (UniqueConstraint("owner_id", "form"),)

    owner_id: Mapped[UUID] = mapped_column(index=True, info=L2)
    form: Mapped[str] = mapped_column(info=L2)
    typed: Mapped[str] = mapped_column(Sealed("draft.typed"), info=L4)
    """The fields as JSON: whatever they are about, nobody but their owner reads them."""
    saved_at: Mapped[datetime] = mapped_column(info=L2)
    expires_at: Mapped[datetime] = mapped_column(index=True, info=L2)
