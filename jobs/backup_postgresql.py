"""Takes and restores snapshots of PostgreSQL by its own pg_dump and pg_restore. (PostgreSQL 备份)

The dump goes through a pipe into a sealed file: no plain text touches the disk. Counts and the
head of the audit trail are read in the very snapshot that is dumped.

Between two nights PostgreSQL's own log is what brings a database back to a moment; let it archive
with `archive_mode = on` and an `archive_command` that copies `%p` to a place the backup host
reads, and take `pg_basebackup` weekly. We do not play those logs; its manual, chapter "Continuous
archiving", says how.
"""

import asyncio
import logging
import os
import re
import shutil
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import URL, make_url, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from data.crypto import Keys
from data.database import Database
from data.errors import Conflict, Unavailable
from data.files import FileStore, StoredFile
from jobs.backup_snapshot import Contents, Snapshot, gather

log = logging.getLogger(__name__)

NOBODY = UUID(int=0)
PIECE = 1 << 20
PLACES = Path("/usr/lib/postgresql")  # where Debian has the programs, a folder a version
TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = current_schema() ORDER BY 1"
# What takes away each thing that lies in our schema: triggers and indexes go with their tables.
DROPS = """
SELECT format('DROP TABLE IF EXISTS %s CASCADE', oid::regclass) FROM pg_class
 WHERE relkind IN ('r', 'p') AND relnamespace = current_schema()::regnamespace
UNION ALL SELECT format('DROP VIEW IF EXISTS %s CASCADE', oid::regclass) FROM pg_class
 WHERE relkind = 'v' AND relnamespace = current_schema()::regnamespace
UNION ALL SELECT format('DROP SEQUENCE IF EXISTS %s CASCADE', oid::regclass) FROM pg_class
 WHERE relkind = 'S' AND relnamespace = current_schema()::regnamespace
UNION ALL SELECT format('DROP ROUTINE IF EXISTS %s CASCADE', oid::regprocedure) FROM pg_proc
 WHERE pronamespace = current_schema()::regnamespace
UNION ALL SELECT format('DROP TYPE IF EXISTS %s CASCADE', oid::regtype) FROM pg_type
 WHERE typtype IN ('e', 'd') AND typnamespace = current_schema()::regnamespace
"""


class PostgresSnapshots:
    """Dumps a database in PostgreSQL's custom format."""

    def __init__(self, database: Database, keys: Keys) -> None:
        self._database = database
        self._keys = keys

    async def take(self, work: Path) -> Snapshot:
        program = _program("pg_dump")
        engine = self._database.engine.execution_options(isolation_level="REPEATABLE READ")
        async with engine.connect() as connection:
            name = await connection.scalar(text("SELECT pg_export_snapshot()"))
            contents = await _contents(connection)
            command = [program, "--format=custom", "--no-owner", f"--snapshot={name}"]
            store = FileStore(work / "dump", self._keys)
            stored = await store.put(_output(command, self._database.url), NOBODY)
        path = work / "base"
        await asyncio.to_thread(store.path(stored.blob).replace, path)
        base = {
            "blob": stored.blob,
            "size": stored.size,
            "wrapped_key": b64encode(stored.wrapped_key).decode(),
            "key_version": stored.key_version,
        }
        return Snapshot(path, "postgresql", base, contents)


@dataclass(frozen=True, slots=True)
class Filled:
    """A database that a dump was played into."""

    url: str
    _before: frozenset[str]
    """What would have taken away the things that lay there, with which we have nothing to do."""

    async def contents(self) -> Contents:
        """Look into it, to compare with what was counted when it was dumped."""
        engine = create_async_engine(self.url)
        try:
            async with engine.connect() as connection:
                return await _contents(connection)
        finally:
            await engine.dispose()

    async def empty(self) -> None:
        """Take away what the dump brought, and nothing else: a second try finds it as before."""
        engine = create_async_engine(self.url)
        try:
            async with engine.begin() as connection:
                for statement in sorted(await _drops(connection) - self._before):
                    await connection.exec_driver_sql(statement)
        except (OSError, DBAPIError) as error:  # what made it necessary is told, not this
            log.warning("what was restored stays in the database: %s", type(error).__name__)
        finally:
            await engine.dispose()


async def restore_dump(path: Path, base: dict[str, Any], url: str, keys: Keys) -> Filled:
    """Play a sealed dump into an empty database, all of it or nothing.

    Raise `Conflict("database_not_empty")` rather than mix two houses.
    """
    before = await _require_empty(url)
    await _play(path, base, url, keys)
    return Filled(url, before)


async def _play(path: Path, base: dict[str, Any], url: str, keys: Keys) -> None:
    blob = str(base["blob"])
    folder = path.parent / "dump"
    store = FileStore(folder, keys)
    store.path(blob).parent.mkdir(parents=True, exist_ok=True)
    await asyncio.to_thread(path.replace, store.path(blob))
    stored = StoredFile(
        NOBODY, blob, "", int(base["size"]), b64decode(base["wrapped_key"]), base["key_version"]
    )
    address = make_url(url)
    command = [_program("pg_restore"), "--no-owner", "--exit-on-error", "--single-transaction"]
    process = await asyncio.create_subprocess_exec(
        *command,
        f"--dbname={address.database}",
        stdin=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=_environment(address),
    )
    if process.stdin is None:
        raise Unavailable("program_failed", program="pg_restore", said="")
    saying = asyncio.gather(process.stderr.read() if process.stderr else _nothing())
    try:
        async for piece in store.read(stored):
            process.stdin.write(piece)
            await process.stdin.drain()
        process.stdin.close()
    except BaseException as error:
        if process.returncode is None:
            process.kill()
        [said] = await saying
        await process.wait()
        if isinstance(error, ConnectionError):  # it has given up before us, and says why
            raise _failed("pg_restore", said) from None
        raise
    [said] = await saying
    if await process.wait():
        raise _failed("pg_restore", said)


async def _nothing() -> bytes:
    return b""


async def _require_empty(url: str) -> frozenset[str]:
    """Raise unless there are no tables; return what would take away the rest that is there."""
    engine = create_async_engine(url)
    try:
        async with engine.connect() as connection:
            if (await connection.execute(text(TABLES))).first():
                raise Conflict("database_not_empty", name=make_url(url).database)
            return await _drops(connection)
    except OSError as error:
        raise Unavailable("database_not_reachable") from error
    finally:
        await engine.dispose()


async def _drops(connection: AsyncConnection) -> frozenset[str]:
    return frozenset(row[0] for row in await connection.exec_driver_sql(DROPS))


async def _output(command: list[str], url: URL) -> AsyncIterator[bytes]:
    """Yield what a program writes; raise if it fails, so that half a dump is no dump."""
    process = await asyncio.create_subprocess_exec(
        *command,
        f"--dbname={url.database}",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=_environment(url),
    )
    if process.stdout is None or process.stderr is None:
        raise _failed("pg_dump", b"")
    try:
        while piece := await process.stdout.read(PIECE):
            yield piece
        said = await process.stderr.read()
    except BaseException:
        process.kill()
        await process.wait()
        raise
    if await process.wait():
        raise _failed("pg_dump", said)


def _failed(program: str, said: bytes) -> Unavailable:
    lines = said.decode(errors="replace").strip().splitlines() or [""]
    return Unavailable("program_failed", program=program, said=lines[0][:200])


def _environment(url: URL) -> dict[str, str]:
    """Tell the program where the server is; a password never stands among its arguments."""
    host = url.host or str(url.query.get("host", ""))
    given = {
        "PGHOST": host,
        "PGPORT": str(url.port or url.query.get("port", "")),
        "PGUSER": url.username or "",
        "PGPASSWORD": str(url.password or ""),
    }
    return {**os.environ, **{name: value for name, value in given.items() if value}}


def _program(name: str) -> str:
    """Find a program of PostgreSQL; Debian keeps them off PATH."""
    places = sorted(
        PLACES.glob(f"*/bin/{name}"),
        key=lambda path: int("0" + "".join(re.findall(r"\d+", path.parts[-3]))),
    )
    found = str(places[-1]) if places else shutil.which(name)
    if not found:
        raise Unavailable("program_missing", program=name)
    return found


async def _contents(connection: AsyncConnection) -> Contents:
    tables = [row[0] for row in await connection.execute(text(TABLES))]

    def ask_all(sync: Any) -> Contents:
        return gather(tables, lambda sql: [tuple(row) for row in sync.exec_driver_sql(sql)])

    return await connection.run_sync(ask_all)
