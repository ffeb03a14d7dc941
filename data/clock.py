"""The only place that asks the operating system for the time, for chance, or for a new id."""

import os
import threading
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


class _Births:
    """Counts births in 4096ths of a millisecond; never twice the same, never backwards."""

    def __init__(self) -> None:
        self._last = 0
        self._lock = threading.Lock()

    def next(self) -> int:
        with self._lock:
            self._last = max(self._last + 1, time.time_ns() * 4096 // 1_000_000)
            return self._last


_births = _Births()


def new_id() -> UUID:
    """Return a UUID of version 7 (RFC 9562): unique anywhere, and here sorted by birth.

    Rows that are born together then lie together, so that indexes stay compact; and events are
    delivered in the order they were announced in. (Section 6.2, methods 3 and 1.)
    """
    birth = _births.next()
    head = (birth >> 12 << 16 | 0x7000 | birth & 0xFFF).to_bytes(8, "big")
    tail = bytearray(os.urandom(8))
    tail[0] = tail[0] & 0x3F | 0x80
    return UUID(bytes=head + bytes(tail))


def time_since_boot() -> float:
    """Return seconds that nobody can set; where the system counts them, also those spent asleep."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


def stopwatch() -> float:
    """Return seconds that only ever go forward, for measuring how long something took."""
    return time.perf_counter()
