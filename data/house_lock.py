"""The right to a PostgreSQL database: an advisory lock on a connection that is watched.

The server lets the lock go with the connection, and tells nobody. So we listen for its end and ask
now and then whether it is still there. From the moment we know that the lock is not ours nothing
is written; it is taken again, and if another process was faster, this one writes nothing any more.
"""

import asyncio
import logging
from contextlib import suppress
from typing import Any

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from data.errors import Conflict, DomainError, Unavailable

log = logging.getLogger(__name__)

HOUSE_LOCK = 0x78696E676C696E  # "xinglin": who holds this advisory lock serves this database
LEFT_BEHIND_SECONDS = 3.0
"""How long the server may take to notice that a process of before was killed."""
BEAT_SECONDS = 5.0
RETRY_SECONDS = 1.0
ANSWER_SECONDS = 5.0

TAKE = text(f"SELECT pg_try_advisory_lock({HOUSE_LOCK})")
ME = text("SELECT pid, backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()")
HOLDER = text(
    "SELECT pid, backend_start FROM pg_locks JOIN pg_stat_activity USING (pid) "
    "WHERE locktype = 'advisory' AND objsubid = 1 AND granted "
    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) "
    "AND (classid::bigint << 32 | objid::bigint) = :lock"
)
LET_GO = text("SELECT pg_terminate_backend(:pid)")


class HouseLock:
    """Holds the lock, and knows when it does not."""

    def __init__(self, engine: AsyncEngine, name: str) -> None:
        """`engine` pools nothing: this connection is for the lock alone."""
        self._engine = engine
        self._name = name
        self._connection: AsyncConnection | None = None
        self._driver: object = None
        self._ours: list[dict[str, Any]] = []
        """Ends of ours at the server that may hold the lock: one that the network cut off lives
        on there."""
        self._trouble = ""
        self._cut = asyncio.Event()
        self._watch: asyncio.Task[None] | None = None

    async def take(self) -> None:
        """Take the lock; raise `Conflict` if another process has it, and keeps it."""
        loop = asyncio.get_running_loop()
        patient_until = loop.time() + LEFT_BEHIND_SECONDS
        while not await self._try():
            if loop.time() >= patient_until:
                raise Conflict("database_in_use", path=self._name)
            await asyncio.sleep(0.1)
        self._watch = loop.create_task(self._keep(), name="house lock")

    def require(self) -> None:
        """Go on only while the lock is ours; raise `Unavailable` if it is not."""
        if self._trouble:
            raise Unavailable(self._trouble)

    async def release(self) -> None:
        """Let the next process have it."""
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.wait([self._watch])
        await self._hang_up()
        await self._engine.dispose()

    async def _try(self) -> bool:
        """Ask for the lock on a new connection, which is kept if we get it."""
        self._cut.clear()
        connection = self._connection = await self._engine.connect()
        me = dict((await connection.execute(ME)).mappings().one())
        self._ours.append(me)  # before we ask: the answer may be lost on its way
        taken = bool(await connection.scalar(TAKE))
        if taken:
            self._ours = [me]
            raw = await connection.get_raw_connection()
            driver: Any = raw.driver_connection
            driver.add_termination_listener(self._note_end)
            self._driver = driver
        else:
            await self._hang_up()
            self._ours.remove(me)
        return taken

    def _note_end(self, driver: object) -> None:
        if driver is self._driver:  # else it is us who hung up
            self._trouble = self._trouble or "database_not_reachable"
            self._cut.set()

    async def _keep(self) -> None:
        while True:
            with suppress(TimeoutError):
                seconds = RETRY_SECONDS if self._trouble else BEAT_SECONDS
                await asyncio.wait_for(self._cut.wait(), timeout=seconds)
            try:
                async with asyncio.timeout(ANSWER_SECONDS):
                    lives = not self._trouble and await self._beats()
                    if not lives and not await self._take_again():
                        return
            except Exception as trouble:  # noqa: BLE001 - whatever it is, there is a next round
                self._cut.clear()
                self._trouble = "database_not_reachable"
                log.warning("the lock on the database is not ours: %s", type(trouble).__name__)

    async def _beats(self) -> bool:
        """Return whether the connection answers."""
        if self._connection is None or self._cut.is_set():
            return False
        await self._connection.execute(text("SELECT 1"))
        return True

    async def _take_again(self) -> bool:
        """Take the lock once more; return False if another process has it now."""
        await self._hang_up()
        if not await self._try():
            if not await self._another_has_it():
                raise Unavailable("database_not_reachable")  # it is free in a moment
            self._trouble = "database_taken_over"
            log.critical("another process has taken over the database: nothing more is written")
            return False
        self._trouble = ""
        log.warning("the lock on the database was lost, and is ours again")
        return True

    async def _another_has_it(self) -> bool:
        """Tell whether a process that is not us holds the lock; let go what is ours."""
        async with self._engine.connect() as connection:
            holder = (await connection.execute(HOLDER, {"lock": HOUSE_LOCK})).mappings().first()
            if holder is None:
                return False
            if dict(holder) not in self._ours:
                return True
            await connection.execute(LET_GO, {"pid": holder["pid"]})
            return False

    async def _hang_up(self) -> None:
        connection, self._connection, self._driver = self._connection, None, None
        if connection is not None:
            with suppress(DBAPIError, DomainError, OSError):
                await connection.invalidate()
            await connection.close()
