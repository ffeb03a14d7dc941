"""What the house has found out about itself: the last backup, the last drill, the last look."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import select

from data.config import Fact
from services.policy import HOUSE, Action, Subject
from services.transaction import Reading, Transaction, Transactions


class Noted(StrEnum):
    """Facts that have a name; `ok` in their value says whether it went well."""

    ANCHOR = "anchor"
    """The head of the audit chain was written outside the database."""
    AUDIT_EXPORT = "audit_export"
    BACKUP = "backup"
    DRILL = "drill"
    """A copy was restored on the side and found whole."""
    INTEGRITY = "integrity"
    """The database file was checked page by page."""
    SHIPPED = "shipped"
    """The log was carried to where the backups are."""
    VERIFIED = "verified"
    """The audit chain was walked from end to end."""
    WRITTEN = "written"


@dataclass(frozen=True, slots=True)
class Known:
    """One fact, and when it was noted."""

    value: Mapping[str, Any]
    at: datetime

    @property
    def ok(self) -> bool:
        return bool(self.value.get("ok", True))


class Facts:
    """The house's notebook about itself."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def note(self, key: str, **value: Any) -> None:
        """Note a fact as of now, over the one before."""
        async with self._transactions.open(HOUSE) as tx:
            tx.allow(Action.FACT_NOTE, Subject("fact", key))
            await put(tx, key, value)

    async def all(self) -> dict[str, Known]:
        """Return every fact by its key."""
        async with self._transactions.read(HOUSE) as tx:
            tx.allow(Action.HEALTH_READ, Subject("fact"))
            return await read(tx)


async def put(tx: Transaction, key: str, value: Mapping[str, Any]) -> None:
    """Note a fact as part of what `tx` does."""
    row = await tx.session.scalar(select(Fact).where(Fact.key == key).with_for_update())
    if row is None:
        tx.session.add(Fact(key=key, value=dict(value), at=tx.now))
    else:
        row.value, row.at = dict(value), tx.now


async def read(tx: Reading, beginning: str = "") -> dict[str, Known]:
    """Return the facts whose key begins like this."""
    query = select(Fact).where(Fact.key.startswith(beginning, autoescape=True))
    return {row.key: Known(row.value, row.at) for row in await tx.session.scalars(query)}
