"""Brings a house back from a backup target: with the key file, or with paper alone. (恢复)

Everything is fetched, checked and put together in a folder of its own; only then does it get its
name, the master key last, so that a restore that fails leaves what was there as it was.
"""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryFile

from sqlalchemy import bindparam, make_url, select, update

from data.clock import Clock, new_id
from data.crypto import Keys
from data.database import Database
from data.errors import Conflict, Invalid
from data.files import sealed_size
from data.keyring import KeyFile, Keyring, Share, write_at_once
from data.log_parts import Part, chain, play
from data.sqlite_file import SqliteFile
from data.stored_file import KeptFile
from jobs.backup_archive import SHREDDED, Archive, Envelope, Manifest, place_of
from jobs.backup_papers import lay_down
from jobs.backup_postgresql import Filled, restore_dump
from jobs.backup_snapshot import Contents, read_contents
from jobs.backup_trail import Told, note_proved, note_restore
from services.ports import BackupTarget
from services.settings import Settings

LIVE = ("xinglin.db", "master.key")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to bring back."""

    opener: Share | KeyFile
    """What opens the backup: the paper, or the key file if that was saved."""
    until: datetime | None = None
    """The moment to go back to: the last commit shipped by then; None: as late as possible."""
    night: str = ""
    """One night instead of the newest that fits."""
    key_file: Path | None = None
    """Where the master key is put; None: beside the database."""
    by: str = ""
    """Who asks for it at the machine: the trail of the restored house says so."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What was brought back."""

    night: str
    made_at: datetime
    as_of: datetime
    """Everything committed before this moment is there."""
    manifest: Manifest
    key_file: KeyFile
    frames: int
    files: int
    files_missing: tuple[str, ...]
    """Files the database knows that had not reached the target when the disk was lost."""


class Restore:
    """Puts one house together in a folder."""

    def __init__(self, target: BackupTarget, settings: Settings, clock: Clock) -> None:
        """`settings.home` is where the house is to stand, `settings.database` its database."""
        self._target = target
        self._settings = settings
        self._home = settings.home
        self._clock = clock
        self._filled: Filled | None = None

    async def run(self, wanted: Wanted) -> Restored:
        """Restore; raise one sentence and leave everything as it was, or succeed.

        `Conflict("home_not_empty")`: never onto a living house. `Invalid("backup_damaged")`,
        `Invalid("recovery_share_wrong")`, `Conflict("backup_other_database")`, ...: see their
        sentences.
        """
        wanted = replace(wanted, until=_in_utc(wanted.until))
        await asyncio.to_thread(self._refuse_living)
        made_home = not self._home.exists()
        work = self._home / f"work-{new_id().hex}"
        await asyncio.to_thread(work.mkdir, 0o700, parents=True)
        try:
            restored = await self._gather(work, wanted)
            await asyncio.to_thread(self._settle, work, wanted, restored.key_file)
        except BaseException:
            await asyncio.to_thread(shutil.rmtree, work, ignore_errors=True)
            if made_home:
                await asyncio.to_thread(_remove_if_empty, self._home)
            if self._filled:
                await self._filled.empty()
            raise
        await asyncio.to_thread(shutil.rmtree, work, ignore_errors=True)
        return restored

    def _refuse_living(self) -> None:
        files = self._home / "files"
        living = [name for name in LIVE if (self._home / name).exists()]
        if living or (files.is_dir() and any(files.iterdir())):
            raise Conflict("home_not_empty", path=str(self._home))

    async def _gather(self, work: Path, wanted: Wanted) -> Restored:
        fetched = work / "fetched"
        await asyncio.to_thread(fetched.mkdir)
        archive = Archive(self._target, fetched)
        if wanted.night:
            envelope = await archive.envelope(wanted.night)
        else:
            envelope = await archive.latest(wanted.until)
        key_file = envelope.key_file(wanted.opener)
        keys = key_file.keys()
        # Before anything is brought: nothing is to be undone where the key cannot be put.
        await asyncio.to_thread(_has_place_for, self._ring(wanted), key_file)
        manifest = envelope.open(keys)
        if manifest.kind != make_url(self._settings.database).get_backend_name():
            raise Conflict("backup_other_database", kind=manifest.kind)
        house = work / "house"
        await asyncio.to_thread(house.mkdir)
        await lay_down(archive, manifest, keys, house)
        frames, as_of = await self._database(archive, manifest, keys, house, wanted.until)
        files, missing = await self._files(manifest, keys, house)
        await asyncio.to_thread(_wrapped_copy, envelope, house)
        async with self._opened(manifest, keys, house) as database:
            copy = f"{manifest.night} from {self._target.place}"
            told = Told(copy, as_of, wanted.by)
            await note_restore(database, key_file, self._clock, told)
            await note_proved(database, manifest.night, self._clock)
        return Restored(
            manifest.night, manifest.made, as_of, manifest, key_file, frames, files, missing
        )

    async def _database(
        self,
        archive: Archive,
        manifest: Manifest,
        keys: Keys,
        house: Path,
        until: datetime | None,
    ) -> tuple[int, datetime]:
        base = await archive.piece(manifest, "base")
        if manifest.kind == "postgresql":
            url = self._settings.database
            self._filled = await restore_dump(base, manifest.base, url, keys)
            _require_same(await self._filled.contents(), manifest)
            return 0, manifest.made
        path = house / "xinglin.db"
        await asyncio.to_thread(base.replace, path)
        parts = await shipped(archive, manifest, keys, until)
        file = SqliteFile(path, keys.key("db", manifest.key_version))
        _require_same(await asyncio.to_thread(read_contents, file), manifest)
        frames = await asyncio.to_thread(play, file, parts)
        await asyncio.to_thread(check_database, file)
        as_of = max([manifest.made, *(part.head.shipped_at for part in parts)])
        return frames, as_of

    async def _files(
        self, manifest: Manifest, keys: Keys, house: Path
    ) -> tuple[int, tuple[str, ...]]:
        """Fetch the files that the restored database knows; what was shredded stays so."""
        shredded = {name.rsplit("/", 1)[-1] for name in await self._target.names(SHREDDED)}
        blobs = await self._known_blobs(manifest, keys, house, shredded)
        there = set(await self._target.names("files"))
        missing = sorted(blob for blob in blobs if place_of(blob) not in there)
        for blob, size in blobs.items():
            if place_of(blob) in there:
                path = house / "files" / blob[:2] / blob
                await asyncio.to_thread(path.parent.mkdir, 0o700, parents=True, exist_ok=True)
                await self._target.fetch(place_of(blob), path)
                if (await asyncio.to_thread(path.stat)).st_size != sealed_size(size):
                    raise Invalid("backup_damaged", name=blob[:12])
        return len(blobs) - len(missing), tuple(missing)

    async def _known_blobs(
        self, manifest: Manifest, keys: Keys, house: Path, shredded: Iterable[str]
    ) -> dict[str, int]:
        if "stored_file" not in manifest.counts:
            return {}
        async with (
            self._opened(manifest, keys, house) as database,
            database.transaction(write=True) as session,
        ):
            for blob in shredded:
                await session.execute(
                    update(KeptFile)
                    .where(KeptFile.blob == bindparam("gone"), KeptFile.wrapped_key.is_not(None))
                    .values(wrapped_key=None, shredded_at=self._clock.now()),
                    {"gone": blob},
                )
            live = select(KeptFile.blob, KeptFile.size).where(KeptFile.wrapped_key.is_not(None))
            return {row.blob: row.size for row in await session.execute(live)}

    @asynccontextmanager
    async def _opened(self, manifest: Manifest, keys: Keys, house: Path) -> AsyncIterator[Database]:
        """Yield the restored database, before the house has its name."""
        url = self._settings.database
        if manifest.kind == "sqlite":
            url = f"sqlite:///{house / 'xinglin.db'}"
        database = await Database(url, keys.key("db", manifest.key_version)).open()
        try:
            yield database
        finally:
            await database.close()
            await asyncio.to_thread((house / "xinglin.db.lock").unlink, missing_ok=True)

    def _settle(self, work: Path, wanted: Wanted, key_file: KeyFile) -> None:
        """Give everything its name: the key last, for with it the house is alive."""
        self._refuse_living()
        ring = self._ring(wanted)
        is_there = _has_place_for(ring, key_file)
        with _taken_back_on_trouble(work / "before") as move:
            house = work / "house"
            for path in sorted(house.rglob("*")):
                if path.is_file():
                    move(path, self._home / path.relative_to(house))
            if not is_there or ring.load() == key_file:  # else it is one that knows more
                _lay_beside(ring, work / "recovery.json")
            if not is_there:
                ring.replace(key_file)

    def _ring(self, wanted: Wanted) -> Keyring:
        return Keyring(wanted.key_file or self._home / "master.key")


@contextmanager
def _taken_back_on_trouble(before: Path) -> Iterator[Callable[[Path, Path], None]]:
    """Yield what moves a file to its name; on trouble all that was moved has not been.

    What had the name already lies in `before` meanwhile.
    """
    moved: list[tuple[Path, Path]] = []
    made: list[Path] = []

    def move(path: Path, target: Path) -> None:
        made.extend(folder for folder in target.parents if not folder.exists())
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        aside = before / str(len(moved))
        if target.is_file():
            before.mkdir(exist_ok=True)
            target.replace(aside)
        moved.append((target, aside))
        path.replace(target)

    try:
        yield move
    except BaseException:
        for target, aside in reversed(moved):
            if target.is_file():
                target.unlink()
            if aside.exists():
                aside.replace(target)
        for folder in sorted(set(made), key=lambda path: len(path.parts), reverse=True):
            _remove_if_empty(folder)
        raise


def _lay_beside(ring: Keyring, wrapped: Path) -> None:
    """Put what the paper opens beside the key, unless that has it."""
    if wrapped.exists() and not ring.wrapped_path.exists():
        write_at_once(ring.wrapped_path, wrapped.read_bytes(), 0o400)


def _has_place_for(ring: Keyring, key_file: KeyFile) -> bool:
    """Return whether the key is there already, as on trial beside the living hospital.

    Raise `Conflict("master_key_of_another")` rather than replace one that this copy does not know,
    `Conflict("master_key_outside_differs")` where such a one is handed over from outside, and
    `Invalid("master_key_place_refuses")` where none can be put.
    """
    if ring.is_outside:
        if not set(key_file.masters) <= set(ring.load().masters):
            raise Conflict("master_key_outside_differs", path=str(ring.path))
        _require_place(ring.path)  # for what the paper opens
        return True
    if ring.path.exists() or ring.wrapped_path.exists():
        if ring.path.exists() and set(key_file.masters) <= set(ring.load().masters):
            return True
        raise Conflict("master_key_of_another", path=str(ring.path))
    _require_place(ring.path)
    return False


def _require_place(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=path.parent):
            pass
    except OSError:
        raise Invalid("master_key_place_refuses", path=str(path)) from None


def _require_same(contents: Contents, manifest: Manifest) -> None:
    """Raise `Invalid("backup_damaged")` unless a base holds what was counted when it was copied."""
    if contents.counts != manifest.counts or contents.audit_mac != manifest.audit_mac:
        raise Invalid("backup_damaged", name=f"{manifest.night}/base")


def _in_utc(moment: datetime | None) -> datetime | None:
    """Read a moment without a zone as UTC; nights are named in it."""
    if moment is None or moment.tzinfo is not None:
        return moment and moment.astimezone(UTC)
    return moment.replace(tzinfo=UTC)


def _wrapped_copy(envelope: Envelope, house: Path) -> None:
    """Keep what the paper opens, so that the same paper goes on being good."""
    if envelope.wrapped:
        (house.parent / "recovery.json").write_text(envelope.wrapped, encoding="ascii")


def check_database(file: SqliteFile) -> None:
    """Read every page; raise `Invalid("database_damaged")` if one is not as it was written."""
    connection = file.connect()
    try:
        [said] = connection.execute("PRAGMA integrity_check(1)").fetchone()
        pages = connection.execute("PRAGMA cipher_integrity_check").fetchall()
    finally:
        connection.close()
    if said != "ok" or pages:
        raise Invalid("database_damaged")


def _remove_if_empty(folder: Path) -> None:
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


async def shipped(
    archive: Archive, manifest: Manifest, keys: Keys, until: datetime | None = None
) -> list[Part]:
    """Fetch and check the parts of the log that follow a night, in order, up to a moment."""
    base = manifest.base
    parts: list[Part] = []
    for name in await archive.parts(str(base["timeline"]), int(base["first_segment"])):
        path = await archive.fetch(name)
        own = path.with_name(name.rsplit("/", 1)[-1])
        await asyncio.to_thread(path.replace, own)
        part = await asyncio.to_thread(Part.read, own, keys)
        if until is not None and part.head.shipped_at > until:
            break
        parts.append(part)
    return chain(parts, str(base["mac"]))


async def listed(archive: Archive, manifest: Manifest, keys: Keys) -> dict[str, int]:
    """Return the files that belonged to a night, with their sizes."""
    blobs: dict[str, int] = json.loads(await archive.sealed_piece(manifest, "blobs", keys))
    return blobs
