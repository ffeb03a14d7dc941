"""Who did what to what, when and why: appended by the unit of work that did it, never changed.

Each entry carries an HMAC over its content and the one before (S-AUD-1), so that a change, a gap
or a swap shows. That the tail is cut off does not show in the chain itself: the head is therefore
anchored outside the database (services/audit.py).
"""

import json
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Connection, event
from sqlalchemy.orm import Mapped, mapped_column

from data.base import L2, L3, L4, Base, Placed
from data.crypto import Keys

FIRST = ""


class AuditResult(StrEnum):
    DONE = "done"
    DENIED = "denied"


class AuditEntry(Placed, Base):
    """One act, or one that was refused."""

    __tablename__ = "audit_entry"

    institution_id: Mapped[UUID | None] = mapped_column(  # type: ignore[assignment]
        index=True, default=None, info=L2
    )
    seq: Mapped[int] = mapped_column(BigInteger, unique=True, info=L2)
    at: Mapped[datetime] = mapped_column(index=True, info=L2)
    actor_id: Mapped[UUID] = mapped_column(index=True, info=L3)
    roles: Mapped[str] = mapped_column(info=L3)
    session_id: Mapped[UUID | None] = mapped_column(default=None, info=L3)
    address: Mapped[str] = mapped_column(default="", info=L4)
    action: Mapped[str] = mapped_column(index=True, info=L3)
    subject: Mapped[str] = mapped_column(index=True, info=L3)
    result: Mapped[AuditResult] = mapped_column(default=AuditResult.DONE, info=L3)
    purpose: Mapped[str] = mapped_column(default="", info=L3)
    detail: Mapped[dict[str, Any]] = mapped_column(default_factory=dict, info=L3)
    key_version: Mapped[int] = mapped_column(info=L2)
    mac: Mapped[str] = mapped_column(info=L2)


COVERED = (
    *("id", "seq", "at", "institution_id", "site_id", "actor_id", "roles", "session_id"),
    *("address", "action", "subject", "result", "purpose", "detail", "key_version"),
)


def sealed(entry: dict[str, Any], before: str, keys: Keys) -> str:
    """Return the MAC (hexadecimal) of an entry that follows one whose MAC is `before`."""
    content = [before, *(plain(entry[name]) for name in COVERED)]
    message = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    key = keys.key("audit", entry["key_version"])
    return keys.provider.mac(key, message.encode()).hex()


def plain(value: object) -> object:
    """Return a value as the MAC covers it and JSON holds it: times with microseconds, in UTC."""
    if isinstance(value, datetime):
        return value.isoformat(timespec="microseconds")
    if isinstance(value, UUID):
        return str(value)
    return value


# The database itself refuses to forget, and nothing of ours lifts that: entries are kept for as
# long as the database is.
_APPEND_ONLY = "an audit entry is never changed"
TRIGGERS = {
    "sqlite": [
        f"CREATE TRIGGER audit_entry_no_{verb.lower()} BEFORE {verb} ON audit_entry "
        f"BEGIN SELECT RAISE(ABORT, '{_APPEND_ONLY}'); END"
        for verb in ("UPDATE", "DELETE")
    ],
    "postgresql": [
        f"""CREATE OR REPLACE FUNCTION audit_entry_append_only() RETURNS trigger AS $$
        BEGIN RAISE EXCEPTION '{_APPEND_ONLY}'; END $$ LANGUAGE plpgsql""",
        """CREATE TRIGGER audit_entry_no_change BEFORE UPDATE OR DELETE ON audit_entry
        FOR EACH ROW EXECUTE FUNCTION audit_entry_append_only()""",
    ],
}


@event.listens_for(AuditEntry.__table__, "after_create")
def guard_entries(_table: object, connection: Connection, **_: object) -> None:
    """Set the triggers that keep entries as they are; migrations call it too."""
    for statement in TRIGGERS[connection.dialect.name]:
        connection.exec_driver_sql(statement)
