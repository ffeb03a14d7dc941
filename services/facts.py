"""What the house has found out about itself: the last backup, the last drill, the last look."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from data.clock import Clock
from data.config import Fact
from data.database import Database


class Noted(StrEnum):
    """Facts that have a name; `ok` in their value says whether it went well."""

    AUDIT_EXPORT = "audit.export"
    BACKUP = "backup.last"
    BACKUP_FAILED = "backup.failed"
    DRILL = "backup.drill"
    """A copy was restored on the side, read page by page, and found whole."""
    PROVED = "backup.proved"
    """The newest copy that a drill found whole: it is kept until a newer one is."""
    SHIPPED = "backup.shipped"
    """Everything up to now has been carried to where the backups are."""
    VERIFIED = "audit.verified"
    """The audit chain was walked from end to end."""
    INTEGRITY = "database.integrity"
    """The database file was checked page by page."""
    WRITTEN = "database.written"


@dataclass(frozen=True, slots=True)
class Known:
    """One fact, and when it was noted."""

    value: Mapping[str, Any]
    at: datetime

    @property
    def ok(self) -> bool:
        return bool(self.value.get("ok", True))


class Facts:
    """The house's notebook about itself; noting something is nobody's act, so nobody audits it."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def note(self, key: str, **value: Any) -> None:
        """Note a fact as of now, over the one before."""
        async with self._database.transaction(write=True) as session:
            await put(session, key, value, self._clock.now())

    async def all(self) -> dict[str, Known]:
        """Return every fact by its key."""
        async with self._database.transaction(write=False) as session:
            return await read(session)


async def put(session: AsyncSession, key: str, value: Mapping[str, Any], now: datetime) -> None:
    """Note a fact in a unit of work."""
    row = await session.scalar(select(Fact).where(Fact.key == key).with_for_update())
    if row is None:
        session.add(Fact(key=key, value=dict(value), at=now))
    else:
        row.value, row.at = dict(value), now


async def read(session: AsyncSession, beginning: str = "") -> dict[str, Known]:
    """Return the facts whose key begins like this."""
    query = select(Fact).where(Fact.key.startswith(beginning, autoescape=True))
    return {row.key: Known(row.value, row.at) for row in await session.scalars(query)}
