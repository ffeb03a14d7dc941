"""Gives the house a new master key: `xinglin keys rotate`, with the server stopped. (换钥)

Each step may be done twice, so whoever was interrupted begins again and gets to the same end:

1. A note that a rotation is under way; while it lies there the house does not open.
2. A new version in the key file, wrapped for a new paper as well. The older ones stay.
3. SQLite: the database is written to a new file under the new key, which then takes its name.
4. Sealed columns are sealed anew and their blind indexes rebuilt; keys of files are wrapped anew.
5. An entry in the audit trail, a new recovery share to print, and the note goes.

Older masters stay in the key file on purpose: they verify the audit entries and password hashes
of their time and open the backups of their time. Nothing new is sealed with them.
"""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncSession

import data.tables  # noqa: F401 - every table with a sealed column must be known here
from data.base import Base
from data.clock import Clock
from data.crypto import Keys
from data.database import Database
from data.errors import Conflict, DomainError, Invalid
from data.files import rewrapped
from data.keyring import KeyFile, Keyring, Share, sync_folder, write_at_once
from data.sealed import Blind, Sealed, SealedBytes
from data.sqlite_file import SqliteFile
from data.stored_file import KeptFile
from services.bus import Bus
from services.policy import HOUSE, Action, Subject
from services.settings import Settings
from services.trail import Trail
from services.transaction import Transactions

NOTE = "rotation.json"
FRESH = ".rotated"
CHUNK = 200  # rows a unit of work

Watch = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Rotated:
    """What was done; the share is to be printed now and is shown never again."""

    version: int
    share: Share
    fields: int
    files: int


def unfinished(settings: Settings) -> bool:
    """Tell whether a rotation was interrupted: then the house must not open before it is done."""
    return (settings.home / NOTE).exists()


def require_finished(settings: Settings) -> None:
    """Raise `Conflict("rotation_unfinished")` if a rotation was interrupted."""
    if unfinished(settings):
        raise Conflict("rotation_unfinished")


class Rotation:
    """Rotates the master key of one house that is not running."""

    def __init__(
        self, settings: Settings, keyring: Keyring, clock: Clock, watch: Watch | None = None
    ) -> None:
        """`watch` is told the name of each step before it begins."""
        self._settings = settings
        self._keyring = keyring
        self._clock = clock
        self._watch = watch or (lambda _: None)
        self._note = settings.home / NOTE

    async def run(self) -> Rotated:
        """Rotate, or finish what was begun; raise `Conflict("database_in_use")` beside a server."""
        async with self._ours() as (database, key_file):
            keys = key_file.keys(self._settings.crypto_profile)
            database.unlock(keys)
            self._watch("fields")
            fields = await self._reseal_fields(database)
            self._watch("files")
            files = await self._rewrap_files(database, keys)
            self._watch("audit")
            await self._tell(database, keys)
        self._watch("share")
        share = Share.new()
        await asyncio.to_thread(self._keyring.replace, key_file, share)
        self._watch("note")
        await asyncio.to_thread(self._note.unlink)
        return Rotated(keys.version, share, fields, files)

    @asynccontextmanager
    async def _ours(self) -> AsyncIterator[tuple[Database, KeyFile]]:
        """Take the house before the first byte is written; yield it with its new key file."""
        url, path = self._settings.database, Database(self._settings.database).path
        database = await (Database(url).open() if path is None else self._file_opened(url, path))
        try:
            # On the file it has begun already, and this only reads how far it is.
            yield database, await asyncio.to_thread(self._begin)
        finally:
            await database.close()

    async def _file_opened(self, url: str, path: Path) -> Database:
        key_file = await asyncio.to_thread(self._begin_with_file, path)
        keys = key_file.keys(self._settings.crypto_profile)
        return await Database(url, keys.key("db")).open()

    def _begin_with_file(self, path: Path) -> KeyFile:
        """Change key file and database under one lock; afterwards the note keeps others out."""
        lock = SqliteFile(path)
        lock.take()
        try:
            key_file = self._begin()
            rekey(path, key_file.keys(self._settings.crypto_profile), self._watch)
        finally:
            lock.release()
        return key_file

    def _begin(self) -> KeyFile:
        """Return the key file with its new version, made now or before an interruption."""
        self._keyring.require_own()
        key_file = self._keyring.load()
        if self._note.exists():
            wanted = int(json.loads(self._note.read_bytes())["version"])
        else:
            wanted = key_file.rotated().masters[0][0]
            self._watch("begin")
            write_at_once(self._note, json.dumps({"version": wanted}).encode())
        if key_file.masters[0][0] == wanted:
            return key_file
        key_file = key_file.rotated()
        self._watch("key file")
        # Wrapped for a paper nobody has yet: should we be interrupted, the end makes another.
        self._keyring.replace(key_file, Share.new())
        return key_file

    async def _reseal_fields(self, database: Database) -> int:
        count = 0
        for mapper in sorted(Base.registry.mappers, key=lambda mapper: str(mapper.local_table)):
            kinds = {attribute.key: attribute.columns[0].type for attribute in mapper.column_attrs}
            sealed = [key for key, kind in kinds.items() if isinstance(kind, Sealed | SealedBytes)]
            blind = {key: kind.of for key, kind in kinds.items() if isinstance(kind, Blind)}
            if sealed:
                count += await self._reseal_table(database, mapper.class_, sealed, blind)
        return count

    async def _reseal_table(
        self, database: Database, table: Any, sealed: list[str], blind: dict[str, str]
    ) -> int:
        """Read under whichever key it was, write under the newest; no row's version counts up."""
        count, last = 0, UUID(int=0)
        columns = [getattr(table, key) for key in sealed]
        core = table.__table__
        change = update(core).where(core.c.id == bindparam("row_id"))
        names = [*sealed, *blind]
        change = change.values({name: bindparam(f"new_{name}") for name in names})
        while True:
            async with database.transaction(write=True) as session:
                query = select(table.id, *columns).where(table.id > last).order_by(table.id)
                rows = (await session.execute(query.limit(CHUNK))).all()
                if not rows:
                    return count
                values = [_values(row, sealed, blind) for row in rows]
                await _change(session, change, values)
                last = rows[-1].id
            count += len(rows)
            self._watch(f"fields of {core.name}")

    async def _rewrap_files(self, database: Database, keys: Keys) -> int:
        count = 0
        while True:
            async with database.transaction(write=True) as session:
                query = select(KeptFile.id, KeptFile.wrapped_key, KeptFile.blob).where(
                    KeptFile.wrapped_key.is_not(None), KeptFile.key_version != keys.version
                )
                rows = (await session.execute(query.limit(CHUNK))).all()
                if not rows:
                    return count
                core: Any = KeptFile.__table__
                change = update(core).where(core.c.id == bindparam("row_id"))
                change = change.values(wrapped_key=bindparam("new_key"), key_version=keys.version)
                values = [
                    {"row_id": row.id, "new_key": rewrapped(row.wrapped_key, row.blob, keys)}
                    for row in rows
                    if row.wrapped_key
                ]
                await _change(session, change, values)
            count += len(rows)
            self._watch("files")

    async def _tell(self, database: Database, keys: Keys) -> None:
        trail, bus = Trail(keys, self._clock), Bus(database, self._clock)
        transactions = Transactions(database, bus, trail, self._clock)
        async with transactions.open(HOUSE) as tx:
            tx.allow(Action.KEYS_ROTATE, Subject("master_key", str(keys.version)))


def rekey(path: Path, keys: Keys, watch: Watch = lambda _: None) -> None:
    """Write a database to a new file under the newest key and let it take the name.

    It may be under any key of the house; raise `Invalid("database_key_wrong")` if it is under none.
    """
    fresh = path.with_name(f"{path.name}{FRESH}")
    _remove(fresh)
    if _opens(SqliteFile(path, keys.key("db"))):
        return
    old = _fitting(path, keys)
    watch("export")
    _export(old, fresh, keys.key("db"))
    watch("name")
    fresh.replace(path)
    sync_folder(path.parent)


async def _change(session: AsyncSession, change: Any, values: list[dict[str, Any]]) -> None:
    connection = await session.run_sync(lambda sync: sync.connection())
    await session.run_sync(lambda _: connection.execute(change, values))


def _values(row: Any, sealed: list[str], blind: dict[str, str]) -> dict[str, Any]:
    found = {key: getattr(row, key) for key in sealed}
    values: dict[str, Any] = {"row_id": row.id}
    values |= {f"new_{key}": value for key, value in found.items()}
    values |= {f"new_{key}": found[of] for key, of in blind.items()}
    return values


def _opens(file: SqliteFile) -> bool:
    try:
        file.connect().close()
    except DomainError as error:
        if error.code == "database_key_wrong":
            return False
        raise
    return True


def _fitting(path: Path, keys: Keys) -> SqliteFile:
    """Return the file with the older key that opens it."""
    for version, _ in keys.older:
        file = SqliteFile(path, keys.key("db", version))
        if _opens(file):
            return file
    raise Invalid("database_key_wrong", path=path.name)


def _export(old: SqliteFile, fresh: Path, key: bytes) -> None:
    """Copy everything through SQLCipher under another key, check the copy, make it durable."""
    connection = old.connect()
    try:
        [busy, _, _] = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            raise Conflict("database_in_use", path=old.path.name)
        connection.execute("ATTACH ? AS fresh KEY ?", (str(fresh), f"x'{key.hex()}'"))
        connection.execute("SELECT sqlcipher_export('fresh')").fetchone()
        [version] = connection.execute("PRAGMA user_version").fetchone()
        connection.execute(f"PRAGMA fresh.user_version={int(version)}")
        connection.execute("DETACH fresh")
        before = _rows(connection)
    finally:
        connection.close()
    copy = SqliteFile(fresh, key).connect()
    try:
        [said] = copy.execute("PRAGMA integrity_check(1)").fetchone()
        if said != "ok" or _rows(copy) != before:
            raise Invalid("database_damaged")
    finally:
        copy.close()
    descriptor = os.open(fresh, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _rows(connection: Any) -> dict[str, tuple[str, int]]:
    """Return every table's and trigger's text, and how many rows the tables have."""
    found = connection.execute("SELECT name, type, coalesce(sql, '') FROM sqlite_master").fetchall()
    counts = {}
    for name, kind, sql in found:
        count = 0
        if kind == "table":
            [count] = connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()  # noqa: S608
        counts[f"{kind} {name}"] = (sql, count)
    return counts


def _remove(path: Path) -> None:
    for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
        path.with_name(name).unlink(missing_ok=True)
