"""One at a time, for what no single row stands for: all bookings of one patient, one line."""

import hashlib

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession


async def take_turn(session: AsyncSession, *of: object) -> None:
    """Wait until no other unit of work has the same turn; it is given back at the unit's end.

    SQLite's units of work are one at a time anyway; PostgreSQL's are not.
    """
    if session.get_bind().dialect.name != "postgresql":
        return
    digest = hashlib.sha256("\x1f".join(map(str, of)).encode()).digest()
    key = int.from_bytes(digest[:8], "big", signed=True)
    await session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": key})
