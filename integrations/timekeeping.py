"""Asks, where no time server is set, whether the machine keeps its own clock right. (校时)

The Linux kernel knows whether a time service disciplines it, and within what error (adjtimex(2)).
Our own service may not ask it: systemd's ProtectClock forbids even reading. There timedatectl asks
for us. A PostgreSQL on another machine has a clock of its own to compare with.
"""

import asyncio
import ctypes
import shutil
from contextlib import suppress
from datetime import datetime

from sqlalchemy import func, select

from data.clock import Clock
from data.database import Database
from data.errors import DomainError
from services.health_machine import Timekeeping

UNSYNCHRONIZED = 0x0040 | 0x1000  # STA_UNSYNC, STA_CLOCKERR
TIME_ERROR = 5
MICROSECONDS = 1_000_000
PATIENCE_SECONDS = 2
QUESTION = ("show", "--property=NTPSynchronized", "--value")
SERVER_TIME = select(func.clock_timestamp())
HERE = frozenset({"", "localhost", "127.0.0.1", "::1"})


class _Timex(ctypes.Structure):
    """The head of `struct timex`; with modes = 0 nothing is set."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 256),
    )


class Timekeeper:
    """Knows what can be learnt about the clock without anything being set."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def look(self) -> Timekeeping:
        """Tell who keeps the clock, and how far it is from the database server's."""
        told = from_kernel() or await from_timedatectl() or Timekeeping()
        return Timekeeping(told.kept, told.within, told.source, await self._apart())

    async def _apart(self) -> float | None:
        """Return by how many seconds we are ahead of a database server elsewhere."""
        if not is_elsewhere(self._database):
            return None
        with suppress(DomainError):
            return await ahead_of(self._database, self._clock)
        return None


def from_kernel() -> Timekeeping | None:
    """Ask the kernel; None where it may not be asked, or is not Linux."""
    try:
        ask = ctypes.CDLL(None).adjtimex
    except AttributeError:
        return None
    found = _Timex()
    state = ask(ctypes.byref(found))
    return None if state < 0 else judged(state, found.status, found.maxerror)


def judged(state: int, status: int, largest_error: int) -> Timekeeping:
    """Read the kernel's answer; its largest error is in microseconds."""
    kept = state != TIME_ERROR and not status & UNSYNCHRONIZED
    return Timekeeping(kept, largest_error / MICROSECONDS, "kernel")


async def from_timedatectl(program: str = "timedatectl") -> Timekeeping | None:
    """Ask systemd; None where there is no answer."""
    path = shutil.which(program)
    if not path:
        return None
    process = await asyncio.create_subprocess_exec(
        path,
        *QUESTION,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            said, _ = await process.communicate()
    except TimeoutError:
        return None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    answer = {b"yes": True, b"no": False}.get(said.strip())
    return None if answer is None else Timekeeping(answer, None, "timedatectl")


def is_elsewhere(database: Database) -> bool:
    """Tell whether the database is a server on another machine: only then has it another clock."""
    host = database.url.host or str(database.url.query.get("host", ""))
    return database.kind == "postgresql" and host not in HERE and not host.startswith("/")


async def ahead_of(database: Database, clock: Clock) -> float:
    """Return by how many seconds our clock is ahead of PostgreSQL's."""
    async with database.transaction(write=False) as session:
        await session.scalar(select(1))  # connects, which takes its time
        sent = clock.now()
        theirs: datetime = await session.scalar(SERVER_TIME)  # type: ignore[assignment]
        received = clock.now()
    return ((sent - theirs) + (received - theirs)).total_seconds() / 2
