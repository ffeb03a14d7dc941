"""Makes the nightly copy of the whole house, sealed, somewhere else. (备份, S-BCK-1)

One night is a copy of the database at one moment, the settings and certificates, and the list of
files that belong to it; files themselves, and the log between two nights, are carried all day
(jobs/backup_log.py). Restoring is told in jobs/backup_restore.py, trying it every night in
jobs/backup_drill.py.
"""

import asyncio
import json
import logging
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from sqlalchemy import select

from data.clock import new_id, stopwatch
from data.config import Fact
from data.errors import DomainError
from data.files import FileStore
from data.keyring import Keyring
from data.shipping import LogShipper
from data.stored_file import KeptFile
from jobs.backup_alarm import BACKUP, Alarm
from jobs.backup_archive import (
    FILES,
    LOG,
    NIGHTS,
    PAPERS,
    SHREDDED,
    Archive,
    Manifest,
    is_night,
    sealed_small,
    segment_of,
    timeline_of,
    weighed,
)
from jobs.backup_aside import still_named
from jobs.backup_log import Courier
from jobs.backup_papers import LIST, Papers, large_papers
from jobs.backup_postgresql import PostgresSnapshots
from jobs.backup_restore import listed
from jobs.backup_snapshot import Contents, Snapshot, Snapshots, SqliteSnapshots
from services.clinic import Clinic
from services.facts import Known, Noted
from services.policy import HOUSE, Action, Actor, Subject
from services.ports import BackupTarget

log = logging.getLogger(__name__)

LAST_FACT, FAILED_FACT = "backup.last", "backup.failed"
WORK = "work-"
DAMAGED = "database_damaged"


@dataclass(frozen=True, slots=True)
class BackupDone:
    """What one run did."""

    night: str
    place: str
    megabytes: float
    rows: int
    files: int
    seconds: float
    left_out: tuple[str, ...] = ()
    """Papers that could not be read and so are not in it."""
    untidied: str = ""
    """Why older copies could not be let go of, as a code and what it is about; else empty."""


class Backup:
    """Copies one open house to one target."""

    def __init__(self, clinic: Clinic, target: BackupTarget, keyring: Keyring) -> None:
        self.clinic = clinic
        self.target = target
        self.keyring = keyring
        self.store = FileStore(clinic.settings.files, clinic.keys)
        self.shipper: LogShipper | None = None
        self._snapshots: Snapshots = PostgresSnapshots(clinic.database, clinic.keys)
        if clinic.database.kind == "sqlite":
            folder = clinic.settings.home / "log"
            self.shipper = LogShipper(clinic.database, folder, clinic.keys, clinic.clock)
            self._snapshots = SqliteSnapshots(clinic.database, self.shipper, clinic.keys)
        self.courier = Courier(self.shipper, self.store, target)
        self.alarm = Alarm(clinic, BACKUP)
        self._one = asyncio.Lock()

    async def open(self) -> None:
        """Take over the log: before anything is written, and after the database is open."""
        await asyncio.to_thread(_wipe_leftovers, self.clinic.settings.home)
        if self.shipper:
            await self.shipper.attach()

    async def serve(self) -> None:
        """Ship and carry until cancelled, beginning with a copy if there is none to build on."""
        async with asyncio.TaskGroup() as work:
            if self.shipper:
                work.create_task(self.shipper.run(), name="log shipper")
            work.create_task(self.courier.run(), name="backup courier")
            if self.shipper and self.shipper.needs_base:
                work.create_task(self._first(), name="first backup")

    async def _first(self) -> None:
        try:
            await self.run()
        except (DomainError, OSError) as error:  # a full disk must not stop the house
            log.warning("the first backup failed: %s", type(error).__name__)

    async def close(self) -> None:
        """Bring away what there is and let go of the target; the shipper stays to the very end,
        for it closes with the database."""
        try:
            if self.shipper:
                await self.shipper.ship()
            await self.courier.carry()
        except (DomainError, OSError) as error:
            log.warning("the last of the log waits for the next start: %s", error)
        await self.target.close()

    async def run(self, actor: Actor = HOUSE) -> BackupDone:
        """Make one copy now; whatever goes wrong, earlier copies stay as they are."""
        place = Subject("backup", institution_id=actor.institution_id)
        async with self.clinic.transactions.open(actor) as tx:
            tx.allow(Action.BACKUP_RUN, place, purpose=self.target.place)
        async with self._one, self.working() as work:
            began = stopwatch()
            try:
                manifest, contents, left_out = await self._copy(work)
            except (DomainError, OSError) as error:
                code = error.code if isinstance(error, DomainError) else "disk_failed"
                await self.note(FAILED_FACT, {"code": code, "place": self.target.place})
                if code == DAMAGED:
                    await self.note(Noted.INTEGRITY, {"ok": False})
                await self.alarm.ring(place=self.target.place)
                raise
            done = BackupDone(
                night=manifest.night,
                place=self.target.place,
                megabytes=round(sum(piece.size for piece in manifest.pieces) / 1e6, 1),
                rows=sum(contents.counts.values()),
                files=len(contents.blobs),
                seconds=round(stopwatch() - began, 1),
                left_out=left_out,
            )
            await self.note(LAST_FACT, asdict(done))
            await self.alarm.end()
            if untidied := await self._try_to_tidy(manifest, contents, work):
                done = replace(done, untidied=untidied)
                await self.note(LAST_FACT, asdict(done))
            return done

    @asynccontextmanager
    async def working(self) -> AsyncIterator[Path]:
        """Yield a folder for what is on its way; it is gone afterwards."""
        work = self.clinic.settings.home / f"{WORK}{new_id().hex}"
        await asyncio.to_thread(work.mkdir, 0o700)
        try:
            yield work
        finally:
            await asyncio.to_thread(shutil.rmtree, work, ignore_errors=True)

    async def _copy(self, work: Path) -> tuple[Manifest, Contents, tuple[str, ...]]:
        night = await Archive(self.target, work).next_night(self.clinic.clock.now())
        # Papers before the database: an anchor may not know more than the trail it belongs to.
        home, keys = self.clinic.settings.home, self.clinic.keys
        papers = await Papers(home, self.target, keys).gather(work)
        snapshot = await self._snapshots.take(work)
        # Not before: what was committed while the papers were gathered is in it.
        made = self.clinic.clock.now()
        self.courier.look_again()
        await self.courier.carry()
        small = {
            "papers": papers.small,
            LIST: json.dumps(papers.large).encode(),
            "blobs": json.dumps(snapshot.contents.blobs).encode(),
        }
        await asyncio.to_thread(self._seal_small, work, night, small)
        pieces = [await asyncio.to_thread(weighed, work / name, name) for name in ("base", *small)]
        manifest = Manifest(
            night=night,
            made_at=made.isoformat(),
            app=_app_version(),
            kind=snapshot.kind,
            key_version=keys.version,
            schema=snapshot.contents.schema,
            counts=snapshot.contents.counts,
            audit_seq=snapshot.contents.audit_seq,
            audit_mac=snapshot.contents.audit_mac,
            base=snapshot.base,
            pieces=tuple(pieces),
        )
        await self._send(work, manifest)
        await self._build_on(snapshot)
        return manifest, snapshot.contents, papers.left_out

    def _seal_small(self, work: Path, night: str, contents: dict[str, bytes]) -> None:
        for name, content in contents.items():
            (work / name).write_bytes(sealed_small(self.clinic.keys, night, name, content))

    async def _send(self, work: Path, manifest: Manifest) -> None:
        content = manifest.sealed(self.clinic.keys, self.keyring.wrapped())
        await asyncio.to_thread((work / "manifest").write_bytes, content)
        sent: list[str] = []
        try:
            for name in (*(piece.name for piece in manifest.pieces), "manifest"):
                sent.append(f"{NIGHTS}/{manifest.night}/{name}")
                await self.target.put(sent[-1], work / name)
        except BaseException:
            for name in sent:
                await self._try_to_remove(name)
            raise

    async def _try_to_remove(self, name: str) -> None:
        try:
            await self.target.remove(name)
        except (DomainError, OSError):
            log.warning("%s stays at the target, unfinished", name)

    async def _build_on(self, snapshot: Snapshot) -> None:
        if self.shipper and snapshot.kind == "sqlite":
            await self.shipper.based(str(snapshot.base["timeline"]))

    async def _try_to_tidy(self, manifest: Manifest, contents: Contents, work: Path) -> str:
        """Let go of what is old, or say why not; an old night that is bad spoils no new one."""
        try:
            await self._tidy(manifest, contents, work)
        except (DomainError, OSError) as error:
            code = error.code if isinstance(error, DomainError) else "disk_failed"
            name = error.details.get("name") if isinstance(error, DomainError) else None
            why = f"{code}: {name}" if name else code
            log.warning("old copies stay at the target until they can be read: %s", why)
            return why
        return ""

    async def _tidy(self, manifest: Manifest, contents: Contents, work: Path) -> None:
        """Let go of nights beyond those we keep, of log nobody can play, of shredded files."""
        archive = Archive(self.target, work)
        kept = await self._kept(await archive.nights())
        for name in await self.target.names(NIGHTS):
            night = name.split("/")[1]
            if is_night(night) and night not in kept:  # also what an interrupted run has left
                await self.target.remove(name)
        kept_manifests = [await self._manifest(archive, night, manifest) for night in kept]
        await self._tidy_log(kept_manifests)
        await self._tidy_papers(archive, kept_manifests)
        named = [await listed(archive, each, self.clinic.keys) for each in kept_manifests]
        await self._tidy_files(contents, set().union(*named), work / "nothing")

    async def _kept(self, nights: list[str]) -> list[str]:
        """Return the last ones, and the newest that a drill has proved: they may all be bad."""
        proved = (await self.clinic.facts.all()).get(Noted.PROVED)
        last = nights[-self.clinic.settings.backup.keep :]
        return [night for night in nights if night in last or _is(night, proved)]

    async def _manifest(self, archive: Archive, night: str, newest: Manifest) -> Manifest:
        if night == newest.night:
            return newest
        return (await archive.envelope(night)).open(self.clinic.keys)

    async def _tidy_log(self, kept: list[Manifest]) -> None:
        first: dict[str, int] = {}
        for base in (manifest.base for manifest in kept):
            if "timeline" in base:
                timeline, segment = str(base["timeline"]), int(base["first_segment"])
                first[timeline] = min(segment, first.get(timeline, segment))
        for name in await self.target.names(LOG):
            if segment_of(name) < first.get(timeline_of(name), 1 << 62):
                await self.target.remove(name)

    async def _tidy_papers(self, archive: Archive, kept: list[Manifest]) -> None:
        """Let go of parts of large papers that no night names any more."""
        named: set[str] = set()
        for manifest in kept:
            for parts in (await large_papers(archive, manifest, self.clinic.keys)).values():
                named.update(f"{PAPERS}/{part}" for part in parts)
        for name in set(await self.target.names(PAPERS)) - named:
            await self.target.remove(name)

    async def _tidy_files(self, contents: Contents, named: set[str], nothing: Path) -> None:
        there = {name.rsplit("/", 1)[-1] for name in await self.target.names(FILES)}
        here = set(await self.store.blobs())
        dead = there & set(contents.shredded)
        for blob in dead:  # their names first: a restored older night must not open them again
            await asyncio.to_thread(nothing.touch, 0o600)
            await self.target.put(f"{SHREDDED}/{blob}", nothing)
        await self.courier.forget(dead | (there - here - named))

    async def sweep(self) -> int:
        """Delete files no row names, a day after they were written; return how many.

        Never while a copy is made or carried away: it may be about to read them. What a database
        names that an upgrade has left (jobs/backup_aside.py) stays, unless it was shredded here.
        """
        home, keys = self.clinic.settings.home, self.clinic.keys
        async with self._one, self.courier.still():
            async with self.clinic.transactions.read(HOUSE) as tx:
                tx.allow(Action.BACKUP_RUN, Subject("file"))
                named = select(KeptFile.blob).distinct()
                every = set(await tx.session.scalars(named))
                live = set(await tx.session.scalars(named.where(KeptFile.wrapped_key.is_not(None))))
            aside = await asyncio.to_thread(still_named, home, keys)
            count = await self.store.sweep(live | (aside - every), self.clinic.clock.now())
        if count:
            log.info("%s files that no row names were deleted", count)
        return count

    async def note(self, key: str, value: dict[str, Any]) -> None:
        """Write down what the house found out about itself, for the health page."""
        async with self.clinic.transactions.open(HOUSE) as tx:
            tx.allow(Action.BACKUP_RUN, Subject("fact", key))
            fact = await tx.session.scalar(select(Fact).where(Fact.key == key))
            if fact is None:
                tx.session.add(Fact(key=key, value=value, at=tx.now))
            else:
                fact.value, fact.at = value, tx.now

    async def is_due(self, every: timedelta = timedelta(hours=24)) -> bool:
        """Tell whether the last copy is older than that, or there is none."""
        async with self.clinic.transactions.read(HOUSE) as tx:
            tx.allow(Action.BACKUP_RUN, Subject("fact", LAST_FACT))
            at = await tx.session.scalar(select(Fact.at).where(Fact.key == LAST_FACT))
            return at is None or tx.now - at >= every


def _is(night: str, proved: Known | None) -> bool:
    return proved is not None and proved.value["night"] == night


def _wipe_leftovers(home: Path) -> None:
    for path in home.glob(f"{WORK}*"):
        shutil.rmtree(path, ignore_errors=True)


def _app_version() -> str:
    try:
        return version("xinglin")
    except PackageNotFoundError:
        return "unknown"
