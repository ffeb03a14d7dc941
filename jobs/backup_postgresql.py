"""Takes and restores snapshots of PostgreSQL by its own pg_dump and pg_restore. (PostgreSQL 备份)

The dump goes through a pipe into a sealed file: no plain text touches the disk. Counts and the
head of the audit trail are read in the very snapshot that is dumped.

Between two nights PostgreSQL's own log is what brings a database back to a moment; let it archive
with `archive_mode = on` and an `archive_command` that copies `%p` to a place the backup host
reads, and take `pg_basebackup` weekly. We do not play those logs; its manual, chapter "Continuous
archiving", says how.
"""

import asyncio
import os
import re
import shutil
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import URL, make_url, text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from data.crypto import Keys
from data.database import Database
from data.errors import Conflict, Unavailable
from data.files import FileStore, StoredFile
from jobs.backup_snapshot import Contents, Snapshot, gather

NOBODY = UUID(int=0)
PIECE = 1 << 20
PLACES = Path("/usr/lib/postgresql")  # where Debian has the programs, a folder a version
TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = current_schema() ORDER BY 1"


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


async def restore_dump(path: Path, base: dict[str, Any], url: str, keys: Keys) -> None:
    """Play a sealed dump into an empty database, all of it or nothing.

    Raise `Conflict("database_not_empty")` rather than mix two houses.
    """
    await _require_empty(url)
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


async def _require_empty(url: str) -> None:
    engine = create_async_engine(url)
    try:
        async with engine.connect() as connection:
            if (await connection.execute(text(TABLES))).first():
                raise Conflict("database_not_empty", name=make_url(url).database)
    except OSError as error:
        raise Unavailable("database_not_reachable") from error
    finally:
        await engine.dispose()


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
