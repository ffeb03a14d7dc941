"""The copy of a database that an upgrade makes first, and the way back to it. (升级前备份, R041)

The nightly copy needs a house that is open, and one that is about to be upgraded does not fit the
program yet. So it is the database alone, sealed as it lies: SQLCipher's own copy of the file, or
what pg_dump says in a sealed file, with a small JSON beside it that tells what opens it.
"""

import asyncio
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any

from sqlcipher3 import dbapi2 as sqlcipher

from data.clock import new_id
from data.crypto import Keys
from data.database import Database
from data.errors import Invalid, NotFound, Unavailable
from data.keyring import sync_folder, write_at_once
from data.sqlite_file import SqliteFile
from jobs.backup import WORK
from jobs.backup_aside import BLOBS, FOLDER, opener_of
from jobs.backup_postgresql import PostgresSnapshots, restore_dump
from jobs.backup_restore import check_database
from jobs.rotation import rekey
from services.settings import Settings


class UpgradeCopies:
    """Makes such copies of one house, and brings one back."""

    def __init__(self, settings: Settings, keys: Keys) -> None:
        self._settings = settings
        self._keys = keys

    async def make(self, database: Database, schema: str, now: datetime) -> Path:
        """Copy an open database, at the schema of this name; return where the copy lies.

        Raise `Invalid("migrate_needs_dump")` where PostgreSQL's programs are not installed.
        """
        folder = self._settings.home / FOLDER
        await asyncio.to_thread(folder.mkdir, mode=0o700, parents=True, exist_ok=True)
        name = f"{now:%Y%m%dT%H%M%SZ}-schema-{schema}"
        if database.kind == "sqlite":
            return await self._copy(database, _free(folder, name, ".db"))
        return await self._dump(database, _free(folder, name, ".dump"))

    async def _copy(self, database: Database, copy: Path) -> Path:
        with self._work() as work:
            fresh = work / copy.name  # under its own name only when it is whole
            await database.between_groups(lambda raw: _vacuum_into(raw, fresh))
            await asyncio.to_thread(fresh.replace, copy)
            await asyncio.to_thread(sync_folder, copy.parent)
        return copy

    async def _dump(self, database: Database, copy: Path) -> Path:
        with self._work() as work:
            try:
                snapshot = await PostgresSnapshots(database, self._keys).take(work)
            except Unavailable as trouble:
                if trouble.code != "program_missing":
                    raise
                raise Invalid("migrate_needs_dump", url=database.url.database) from None
            opener = {**snapshot.base, BLOBS: sorted(snapshot.contents.blobs)}
            content = json.dumps(opener).encode()
            await asyncio.to_thread(write_at_once, opener_of(copy), content)
            await asyncio.to_thread(snapshot.path.replace, copy)
            await asyncio.to_thread(sync_folder, copy.parent)
        return copy

    async def bring_back(self, copy: Path, now: datetime) -> Path | None:
        """Put a copy in the place of the database; return where that lies now, if it is a file.

        The program of before opens it then. On PostgreSQL the database must be empty, so that
        nothing is lost by it: `Conflict("database_not_empty")`.
        """
        if not await asyncio.to_thread(copy.is_file):
            raise NotFound("upgrade_copy_missing", path=str(copy))
        path = Database(self._settings.database).path
        if path:
            return await asyncio.to_thread(self._exchange, path, copy, now)
        await self._play(copy)
        return None

    def _exchange(self, path: Path, copy: Path, now: datetime) -> Path | None:
        lock = SqliteFile(path)
        lock.take()
        try:
            with self._work() as work:
                fresh = work / path.name
                shutil.copyfile(copy, fresh)
                _check(fresh, self._keys)
                folder = self._settings.home / FOLDER
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                aside = _free(folder, f"{now:%Y%m%dT%H%M%SZ}-set-aside", ".db")
                return _changed_places(fresh, path, aside)
        finally:
            lock.release()

    async def _play(self, copy: Path) -> None:
        url = self._settings.database
        try:
            base: dict[str, Any] = json.loads(opener_of(copy).read_bytes())
        except (OSError, ValueError):
            raise NotFound("upgrade_copy_missing", path=str(opener_of(copy))) from None
        database = await Database(url).open()  # nobody else may have it meanwhile
        try:
            with self._work() as work:
                sealed = work / "base"
                await asyncio.to_thread(shutil.copyfile, copy, sealed)
                await restore_dump(sealed, base, url, self._keys)
        finally:
            await database.close()

    @contextmanager
    def _work(self) -> Iterator[Path]:
        """Yield a folder for what is on its way; it is gone afterwards."""
        work = self._settings.home / f"{WORK}{new_id().hex}"
        work.mkdir(0o700)
        try:
            yield work
        finally:
            shutil.rmtree(work, ignore_errors=True)


def _check(fresh: Path, keys: Keys) -> None:
    try:
        rekey(fresh, keys)  # it may be from before a rotation
        check_database(SqliteFile(fresh, keys.key("db")))
    except sqlcipher.DatabaseError:
        raise Invalid("database_damaged") from None


def _changed_places(fresh: Path, path: Path, aside: Path) -> Path | None:
    """Set the database aside with its log, and give its name to the copy."""
    had = path.exists()
    for end in ("-wal", "-shm", ""):
        part = path.with_name(f"{path.name}{end}")
        if part.exists():
            part.replace(aside.with_name(f"{aside.name}{end}"))
    fresh.replace(path)
    sync_folder(path.parent)
    return aside if had else None


def _free(folder: Path, name: str, end: str) -> Path:
    """Return a path that nothing has: an impatient person tries twice in a second."""
    names = (f"{name}{f'-{number}' if number else ''}{end}" for number in count())
    return next(folder / each for each in names if not (folder / each).exists())


def _vacuum_into(raw: Any, copy: Path) -> None:
    """SQLCipher encrypts the copy with the same key."""
    raw.execute("VACUUM INTO ?", (str(copy),))
