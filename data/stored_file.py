"""What the house knows of a file it keeps; the content itself lies sealed on the disk (文件).

The key of the content stands here, wrapped, and nowhere else. Blanking it (粉碎密钥) makes every
copy of the content unreadable that is not accompanied by an older copy of this table; how far that
reaches into backups is told in data/files.py.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Index
from sqlalchemy.orm import Mapped, mapped_column

from data.base import L2, L3, L4, Base, Placed


class KeptFile(Placed, Base):
    """One file that somebody handed in; equal contents in an institution share one blob."""

    __tablename__ = "stored_file"
    __table_args__ = (Index("ix_stored_file_content", "institution_id", "digest"),)

    owner_id: Mapped[UUID] = mapped_column(index=True, info=L3)
    patient_id: Mapped[UUID | None] = mapped_column(index=True, default=None, info=L3)
    media_type: Mapped[str] = mapped_column(info=L2)
    size: Mapped[int] = mapped_column(BigInteger, info=L2)  # bytes, as handed in
    digest: Mapped[str] = mapped_column(info=L2)  # keyed: tells equal contents, not which
    blob: Mapped[str] = mapped_column(index=True, info=L2)  # its name on the disk
    wrapped_key: Mapped[bytes | None] = mapped_column(info=L4)
    key_version: Mapped[int] = mapped_column(index=True, info=L2)
    created_at: Mapped[datetime] = mapped_column(info=L2)
    shredded_at: Mapped[datetime | None] = mapped_column(default=None, info=L2)
