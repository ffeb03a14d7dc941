"""Hands the trail of some days to the audit administrator, as a file. (审计导出)

It is what the daily export writes: nothing is left out, or it could not be verified by itself. The
file has addresses and names in clear, so each lies in a folder of its own only until it was sent.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from data.errors import Invalid
from services.audit import Audit
from services.policy import Actor
from services.uploads import wipe

MOST_DAYS = 92
YEARS = frozenset(range(2000, 9000))
"""Beyond them no moment can be counted from a day."""
PIECE = 1 << 18  # bytes


class AuditDownloads:
    """The one who makes such files, and takes them away again."""

    def __init__(self, audit: Audit, folder: Path, timezone: str) -> None:
        self._audit = audit
        self._folder = folder
        self._zone = ZoneInfo(timezone)

    async def make(self, actor: Actor, first: date, last: date) -> Path:
        """Write the trail of whole days of the hospital's zone, from `first` to `last`.

        Whoever asks must `remove` the file. Raise `Invalid("audit_days_wrong")` for days in the
        wrong order or too many of them, `Invalid("audit_days_empty")` where nothing was done.
        """
        check_days(first, last)
        target = await asyncio.to_thread(self._fresh, f"audit-{first}-{last}.jsonl")
        try:
            since, until = self._beginning(first), self._beginning(last + timedelta(days=1))
            await self._audit.export_span(actor, target, (since, until), f"{first} to {last}")
        except BaseException:
            await asyncio.shield(self.remove(target))
            raise
        return target

    def day_of(self, moment: datetime) -> date:
        """Return which day a moment lies in, as `make` counts them."""
        return moment.astimezone(self._zone).date()

    def _beginning(self, day: date) -> datetime:
        return datetime.combine(day, time(), self._zone)

    def _fresh(self, name: str) -> Path:
        folder = self._folder / os.urandom(16).hex()
        folder.mkdir(mode=0o700, parents=True)
        return folder / name

    async def read(self, made: Path) -> AsyncIterator[bytes]:
        """Yield the content of a file."""
        reading = await asyncio.to_thread(made.open, "rb")
        try:
            while piece := await asyncio.to_thread(reading.read, PIECE):
                yield piece
        finally:
            reading.close()

    async def remove(self, made: Path) -> None:
        """Wipe a file and take its folder away."""
        await asyncio.to_thread(_clear, made.parent)

    async def tidy(self) -> None:
        """Wipe what a crash has left; called once at the start."""
        left = await asyncio.to_thread(lambda: tuple(self._folder.glob("*")))
        for folder in left:
            await asyncio.to_thread(_clear, folder)


def check_days(first: date, last: date) -> None:
    """Raise `Invalid("audit_days_wrong")` unless these are days in order, and not too many."""
    in_order = 0 <= (last - first).days < MOST_DAYS
    if not in_order or not {first.year, last.year} <= YEARS:
        raise Invalid("audit_days_wrong", field="last", most=MOST_DAYS)


def _clear(folder: Path) -> None:
    wipe(*folder.glob("*"))
    with suppress(FileNotFoundError):
        folder.rmdir()
