"""A PostgreSQL server for the tests of one process, and a fresh database in it for each of them.

It need not survive anything, so it waits for no disk, and lies in memory where it can: making and
dropping a database is some hundred files each time, on which ext4 spends most of a test. What must
be durable is measured elsewhere (benchmarks/) against a server that does.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from itertools import count

import asyncpg

from data.database import Database
from tests.peers import PostgreSQL, memory_folder, private_postgresql

TEMPLATE = "xinglin_template"
HURRIED = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@dataclass(slots=True)
class Scratch:
    """Makes databases that live as long as one test."""

    server: PostgreSQL
    _numbers: Iterator[int] = field(default_factory=count)
    _ready: bool = False

    @asynccontextmanager
    async def database(self) -> AsyncIterator[str]:
        """Yield the address of a database with all tables and nothing in them."""
        admin = await asyncpg.connect(host=str(self.server.folder), user="postgres")
        name = f"scratch_{next(self._numbers)}"
        try:
            if not self._ready:
                await self._make_template(admin)
            await admin.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
            yield self.server.url(name)
            await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
        finally:
            await admin.close()

    async def _make_template(self, admin: asyncpg.Connection) -> None:
        await admin.execute(f"CREATE DATABASE {TEMPLATE}")
        database = await Database(self.server.url(TEMPLATE)).open()
        try:
            await database.create_tables()
        finally:
            await database.close()
        self._ready = True


@contextmanager
def scratch() -> Iterator[Scratch]:
    """Run the server."""
    with private_postgresql(memory_folder(), **HURRIED) as server:
        yield Scratch(server)
