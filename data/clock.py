"""The only place that asks the operating system for the time, for chance, or for a new id."""

import os
import time
from datetime import UTC, datetime
from typing import Protocol
from uuid import UUID


class Clock(Protocol):
    """Where everybody takes the time from, so that a test can hold it."""

    def now(self) -> datetime:
        """Return this moment, aware, in UTC."""
        ...


class SystemClock:
    """The clock of the machine."""

    def now(self) -> datetime:
        return datetime.now(UTC)


def new_id() -> UUID:
    """Return a UUID of version 7 (RFC 9562): unique anywhere, sorted by birth to the millisecond.

    Rows that are born together then lie together, so that indexes stay compact.
    """
    stamp = int(time.time() * 1000).to_bytes(6, "big")
    bits = bytearray(stamp + os.urandom(10))
    bits[6] = bits[6] & 0x0F | 0x70
    bits[8] = bits[8] & 0x3F | 0x80
    return UUID(bytes=bytes(bits))


def stopwatch() -> float:
    """Return seconds that only ever go forward, for measuring how long something took."""
    return time.perf_counter()
