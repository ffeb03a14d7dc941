"""Units of work per second: our writer against a plain pool and against PostgreSQL.

64 clients book one after the other, durably (fsync), each with the policy asked, the audit chain
lengthened and an event kept for its handler (benchmarks/ward.py). The code above the data layer is
the same on all sides; what differs is how a unit reaches the disk:

ours         SQLCipher, one writer, group commit (data/writer.py)
plain pool   SQLCipher, SQLAlchemy over 15 aiosqlite connections, each BEGIN IMMEDIATE, own COMMIT
PostgreSQL   asyncpg, 10 connections, fsync on, on the same machine
"""

import asyncio
import logging
import tempfile
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiosqlite
from sqlalchemy import URL, event
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlcipher3 import dbapi2 as sqlcipher

from benchmarks.measure import Load, arguments, closed_loop, conclude, ratio, table
from benchmarks.ward import Ward
from data.clock import SystemClock
from data.crypto import Keys
from data.database import Database
from data.sealed import unlock
from data.sqlite_file import SqliteFile, _Driver
from pages.tuning import settle_memory
from services.clinic import Clinic
from services.settings import Settings
from tests.peers import find, private_postgresql

CLIENTS = 64
POOL = 15
KEYS = Keys(bytes(range(32)))
FULL = (9, 3.0)  # rounds, seconds a side
QUICK = (5, 1.5)


class PlainPool(Database):
    """What one would write without a writer: a pool, and BEGIN IMMEDIATE on each connection."""

    def __init__(self, path: Path, key: bytes) -> None:
        super().__init__(f"sqlite:///{path}", key)
        file = SqliteFile(path, key)

        def connect(*_: object, **__: object) -> aiosqlite.Connection:
            connection = aiosqlite.Connection(lambda: patient(file.connect()), iter_chunk_size=64)
            connection._thread.daemon = True  # noqa: SLF001 - as SQLAlchemy does for its own
            return connection

        self._pool = create_async_engine(
            URL.create("sqlite+aiosqlite", database=str(path)),
            module=_Driver(aiosqlite, sqlcipher),
            pool_size=POOL,
            max_overflow=0,
            pool_timeout=120,
            connect_args={"async_creator_fn": connect},
        )
        event.listen(
            self._pool.sync_engine, "begin", lambda c: c.exec_driver_sql("BEGIN IMMEDIATE")
        )
        self._pooled_session = async_sessionmaker(self._pool, expire_on_commit=False)

    def unlock(self, keys: Keys) -> None:
        super().unlock(keys)
        unlock(self._pool.sync_engine.dialect, keys)

    def transaction(self, *, write: bool) -> AbstractAsyncContextManager[AsyncSession]:
        return self._plain() if write else super().transaction(write=False)

    @asynccontextmanager
    async def _plain(self) -> AsyncIterator[AsyncSession]:
        async with self._pooled_session.begin() as session:
            session.info["after"] = []
            yield session
        for callback in session.info["after"]:
            callback()

    async def close(self) -> None:
        await self._pool.dispose()
        await super().close()


def patient(connection: Any) -> Any:
    """Let it wait for the lock as long as it takes: the pool is to lose by time, not by errors."""
    connection.execute("PRAGMA busy_timeout=120000")
    return connection


async def side(stack: AsyncExitStack, database: Database) -> Ward:
    """Open a database and furnish it."""
    await database.open()
    stack.push_async_callback(database.close)
    await database.create_tables()
    home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="xinglin-bench-")))
    clinic = Clinic.open(database, SystemClock(), KEYS, Settings(home=home))
    return await Ward.furnish(clinic)


async def open_sides(stack: AsyncExitStack) -> dict[str, Ward]:
    """Return everybody who takes part, ours first."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="xinglin-bench-")))
    key = KEYS.key("db")
    sides = {
        "ours": await side(stack, Database(f"sqlite:///{folder / 'ours.db'}", key)),
        "plain pool": await side(stack, PlainPool(folder / "pool.db", key)),
    }
    if find("postgres") and find("setpriv"):
        server = stack.enter_context(private_postgresql())
        sides["PostgreSQL"] = await side(stack, Database(server.url()))
    else:
        print("PostgreSQL is not here: no ratio to it. (apt install postgresql)")
    return sides


async def measure(rounds: int, seconds: float) -> dict[str, list[Load]]:
    """Let the sides take turns, in another order each round."""
    async with AsyncExitStack() as stack:
        sides = await open_sides(stack)
        loads: dict[str, list[Load]] = {name: [] for name in sides}
        for ward in sides.values():
            await closed_loop(ward.book, CLIENTS, 0.3)  # caches fill, connections open
        settle_memory()  # as the served process does; a full collection is a pause for every side
        for number in range(rounds):
            names = list(sides)
            names = names[number % len(names) :] + names[: number % len(names)]
            for name in names:
                loads[name].append(await closed_loop(sides[name].book, CLIENTS, seconds))
        for ward in sides.values():
            await ward.check()
    return loads


def report(loads: dict[str, list[Load]]) -> None:
    """Print what was measured."""
    speeds = {name: [load.per_second for load in each] for name, each in loads.items()}
    tails = {name: [load.percentile(95) for load in each] for name, each in loads.items()}
    rows = [
        [
            name,
            f"{min(speeds[name]):.0f}-{max(speeds[name]):.0f}",
            f"{min(tails[name]):.0f}-{max(tails[name]):.0f}",
            ratio(speeds["ours"], speeds[name]),
            ratio(tails["ours"], tails[name]),
        ]
        for name in loads
    ]
    table(["side", "units/s", "p95 ms", "ours / it, units", "ours / it, p95"], rows)
    print("Goals: 3 x the plain pool, 1 x PostgreSQL, a quarter of the plain pool's p95.")
    conclude(
        benchmark="units",
        clients=CLIENTS,
        rounds=len(loads["ours"]),
        ratio_to_plain_pool=ratio(speeds["ours"], speeds["plain pool"]),
        ratio_to_postgresql=(
            ratio(speeds["ours"], speeds["PostgreSQL"]) if "PostgreSQL" in speeds else None
        ),
        p95_ratio=ratio(tails["ours"], tails["plain pool"]),
    )


def main() -> None:
    """Measure and print."""
    logging.disable(logging.CRITICAL)
    rounds, seconds = QUICK if arguments(__doc__).quick else FULL
    report(asyncio.run(measure(rounds, seconds)))


if __name__ == "__main__":
    main()
