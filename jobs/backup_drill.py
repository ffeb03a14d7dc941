"""Tries every night whether the last copy can really be restored, and writes down how it went.

The copy is fetched from where it lies and put together on a scratch folder, as after a lost disk;
then every page is read, the audit trail is verified, the rows are counted and some files are
opened. The age and the result stand on the health page. (恢复演练, S-BCK-2)
"""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from data.audit import AuditEntry
from data.clock import stopwatch
from data.database import Database
from data.errors import DomainError, Invalid, Unavailable
from data.files import FileStore, StoredFile
from data.keyring import KeyFile
from data.stored_file import KeptFile
from jobs.backup import DAMAGED, Backup
from jobs.backup_alarm import DRILL, Alarm
from jobs.backup_archive import FILES, PAPERS, Archive, Manifest, place_of
from jobs.backup_papers import large_papers
from jobs.backup_restore import Restore, Restored, Wanted, listed, shipped
from services.audit import Audit
from services.bus import Bus
from services.facts import Noted
from services.policy import HOUSE
from services.ports import BackupTarget
from services.settings import Settings
from services.trail import Trail
from services.transaction import Transactions
from services.users.directory import UserDirectory

FACT = "backup.drill"
SAMPLES = 20


@dataclass(frozen=True, slots=True)
class DrillResult:
    """How it went; `ok` only if everything did."""

    ok: bool
    code: str = ""
    """What went wrong, as the code of a sentence."""
    detail: dict[str, str] = field(default_factory=dict)
    night: str = ""
    made_at: str = ""
    rows: int = 0
    audit_entries: int = 0
    files_read: int = 0
    seconds: float = 0.0


class Drill:
    """Restores the newest copy onto a scratch folder and looks at it."""

    def __init__(self, backup: Backup) -> None:
        self._backup = backup
        self._alarm = Alarm(backup.clinic, DRILL)

    async def run(self) -> DrillResult:
        """Try, write down the result, and return it; a failed drill is a result, not an error."""
        began = stopwatch()
        try:
            result = await self._try(began)
        except (DomainError, OSError) as error:
            code = error.code if isinstance(error, DomainError) else "disk_failed"
            details = error.details if isinstance(error, DomainError) else {}
            said = {name: str(value) for name, value in details.items()}
            result = DrillResult(ok=False, code=code, detail=said)
        await self._backup.note(FACT, asdict(result))
        if result.ok or result.code == DAMAGED:  # pages are copied as they are: the house's own
            await self._backup.note(Noted.INTEGRITY, {"ok": result.ok})
        if result.ok:
            await self._backup.note(Noted.PROVED, {"night": result.night})
            await self._alarm.end()
        else:
            await self._alarm.ring(place=self._backup.target.place)
        return result

    async def _try(self, began: float) -> DrillResult:
        async with self._backup.working() as scratch, self._empty_database() as url:
            settings = Settings(home=scratch / "house", database_url=url)
            restore = Restore(self._backup.target, settings, self._backup.clinic.clock)
            key_file = await asyncio.to_thread(self._backup.keyring.load)
            restored = await restore.run(Wanted(key_file))
            await self._require_last(restored)
            await self._require_files(restored, scratch)
            return await self._examine(restored, settings, began)

    async def _require_last(self, restored: Restored) -> None:
        """Raise `Invalid("drill_other_night")` if another copy was tried than the last one made."""
        last = (await self._backup.clinic.facts.all()).get(Noted.BACKUP)
        if last is not None and last.value["night"] != restored.night:
            raise Invalid("drill_other_night", night=restored.night, last=last.value["night"])

    async def _require_files(self, restored: Restored, work: Path) -> None:
        """Raise `Invalid("drill_files_missing")` if the target lacks files of this very night.

        What came with the log since then may still be on its way.
        """
        archive = Archive(self._backup.target, work)
        named = await listed(archive, restored.manifest, restored.key_file.keys())
        if missing := named.keys() & set(restored.files_missing):
            raise Invalid("drill_files_missing", count=len(missing))

    @asynccontextmanager
    async def _empty_database(self) -> AsyncIterator[str]:
        """Yield the address of a database beside ours on PostgreSQL; it is dropped afterwards.

        Raise `Unavailable("drill_without_database")` if our account may not make one.
        """
        database = self._backup.clinic.database
        if database.kind == "sqlite":
            yield ""
            return
        name = f"{database.url.database}_drill"
        engine = database.engine.execution_options(isolation_level="AUTOCOMMIT")
        drop = text(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        try:
            async with engine.connect() as connection:
                await connection.execute(drop)
                await connection.execute(text(f'CREATE DATABASE "{name}" TEMPLATE template0'))
        except DBAPIError:
            raise Unavailable("drill_without_database", name=name) from None
        try:
            yield database.url.set(database=name).render_as_string(hide_password=False)
        finally:
            async with engine.connect() as connection:
                await connection.execute(drop)

    async def _examine(self, restored: Restored, settings: Settings, began: float) -> DrillResult:
        manifest = restored.manifest
        keys = restored.key_file.keys(self._backup.clinic.settings.crypto_profile)
        database = await Database(settings.database, keys.key("db", manifest.key_version)).open()
        try:
            database.unlock(keys)
            rows = await self._counted(database, manifest)
            clock = self._backup.clinic.clock
            transactions = Transactions(database, Bus(database, clock), Trail(keys, clock), clock)
            audit = Audit(transactions, keys, settings.anchor_file, UserDirectory())
            entries = await self._verified(database, audit, manifest)
            files = await self._sampled(database, FileStore(settings.files, keys), restored)
        finally:
            await database.close()
        return DrillResult(
            ok=True,
            night=restored.night,
            made_at=restored.made_at.isoformat(),
            rows=rows,
            audit_entries=entries,
            files_read=files,
            seconds=round(stopwatch() - began, 1),
        )

    @staticmethod
    async def _counted(database: Database, manifest: Manifest) -> int:
        """Count every row: the restore has compared the base with the manifest already, and what
        the log has added since may only be read."""
        rows = 0
        async with database.transaction(write=False) as session:
            for table in manifest.counts:
                rows += await session.scalar(text(f'SELECT count(*) FROM "{table}"')) or 0  # noqa: S608
        return rows

    @staticmethod
    async def _verified(database: Database, audit: Audit, manifest: Manifest) -> int:
        async with database.transaction(write=False) as session:
            query = select(AuditEntry.mac).where(AuditEntry.seq == manifest.audit_seq)
            head = await session.scalar(query)
        verdict = await audit.verify(HOUSE)
        if not verdict.whole or (manifest.audit_seq and head != manifest.audit_mac):
            raise Invalid("drill_audit_broken", seq=verdict.broken_at or manifest.audit_seq)
        return verdict.entries

    @staticmethod
    async def _sampled(database: Database, store: FileStore, restored: Restored) -> int:
        async with database.transaction(write=False) as session:
            rows = await session.scalars(select(KeptFile).where(KeptFile.wrapped_key.is_not(None)))
            known = [StoredFile.of(row) for row in rows]
        there = [stored for stored in known if stored.blob not in restored.files_missing]
        chosen = random.sample(there, min(SAMPLES, len(there)))
        for stored in chosen:
            async for _ in store.read(stored):
                pass
        return len(chosen)


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check of the newest copy, without restoring it, has found."""

    night: str
    made_at: str
    megabytes: float
    files: int
    files_missing: int
    parts: int
    reaches: str
    """The moment the log reaches to."""


async def verify(target: BackupTarget, key_file: KeyFile, work: Path) -> Checked:
    """Fetch and check the newest copy and its log; raise the sentence of what is wrong.

    Each piece is compared with the manifest and each part of the log with the one before it;
    of the files only the names are looked at.
    """
    archive = Archive(target, work)
    keys = key_file.keys()
    envelope = await archive.latest()
    manifest = envelope.open(keys)
    for piece in manifest.pieces:
        await archive.piece(manifest, piece.name)
    blobs = await listed(archive, manifest, keys)
    held = set(await target.names(PAPERS))
    for parts_of in (await large_papers(archive, manifest, keys)).values():
        for part in parts_of:
            if f"{PAPERS}/{part}" not in held:
                raise Invalid("backup_damaged", name=f"{PAPERS}/{part[:12]}")
    there = set(await target.names(FILES))
    parts = await shipped(archive, manifest, keys) if manifest.kind == "sqlite" else []
    return Checked(
        night=manifest.night,
        made_at=manifest.made_at,
        megabytes=round(sum(piece.size for piece in manifest.pieces) / 1e6, 1),
        files=len(blobs),
        files_missing=sum(place_of(blob) not in there for blob in blobs),
        parts=len(parts),
        reaches=max([manifest.made_at, *(part.head.at for part in parts)]),
    )
