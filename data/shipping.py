"""Carries the log of an SQLite database away, so that a lost disk costs seconds (日志归档).

Between two groups of units the log's new frames are copied to the archive, durably, and only then
are they moved into the database file and the log reset. Nobody else may do that: a frame that
left the log without having been shipped would be missing from the archive for ever. Every ship
therefore first looks whether the file is as the last one left it; if not (somebody opened the
database without us, or it was restored) a new timeline begins, which needs a new base.

A reader that still looks at the old state keeps the log from being reset. Then the same log
grows, and the next ship copies what was added; nothing is copied twice and nothing skipped.
"""

import asyncio
import json
import logging
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from sqlcipher3 import dbapi2 as sqlcipher

from data.clock import Clock, new_id
from data.crypto import Keys
from data.database import Database
from data.errors import DomainError, Invalid, Unavailable
from data.keyring import write_at_once
from data.log_parts import (
    FRAME_HEADER,
    WAL_HEADER,
    PartHead,
    Position,
    log_page_size,
    log_salts,
    read_head,
    write_part,
)

log = logging.getLogger(__name__)

LONGEST = 10.0  # seconds a commit waits for its ship: what a lost disk may cost
LARGEST = 4 << 20  # bytes of log that are shipped at once, without waiting
LOOK = 0.5  # seconds between two looks at the size of the log
READER_TRIES, READER_PAUSE = 10, 0.05  # how often and how long (s) to wait for a reader
STATE = "state.json"
NO_SPACE = frozenset({28, 122})  # ENOSPC, EDQUOT


@dataclass(frozen=True, slots=True)
class ShipState:
    """How far the archive is; written after every ship."""

    timeline: str
    segment: int = -1
    salts: str = ""
    end: int = 0
    mac: str = ""
    file: tuple[int, ...] = ()
    """The database file as the last ship left it: inode, size, time of change. Empty while a
    checkpoint of ours is under way, which is the one moment when it may be otherwise."""
    based: bool = False
    """Whether there is a base that this timeline's parts can be played on."""


@dataclass(frozen=True, slots=True)
class Base:
    """A database file at rest, and where in its timeline it stands."""

    descriptor: int
    """Open for reading, with os.pread; ours to close."""
    size: int
    state: ShipState
    first_segment: int
    """The first segment to play on a copy of it."""

    @property
    def position(self) -> Position:
        return Position(self.state.timeline, self.state.segment, self.state.end)


class LogShipper:
    """Ships the log of one open database into a folder."""

    def __init__(self, database: Database, folder: Path, keys: Keys, clock: Clock) -> None:
        self.folder = folder
        self._database = database
        self._keys = keys
        self._clock = clock
        self._state: ShipState | None = None
        self._held = False
        self._one_base = asyncio.Lock()
        self._guard: Any = None
        self._descriptor: int | None = None

    async def attach(self) -> None:
        """Take over the log, and ship what a crash has left in it before anything else."""
        self._database.file.keeps_log = True
        await asyncio.to_thread(self._take_hold)
        self._database.at_close(self.close)
        await self.ship()

    def _take_hold(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for part in self.folder.glob(".*.part"):
            part.unlink()
        self._state = self._read_state()
        # Whoever closes a database last tidies its log away. With this connection open it is
        # never the writer, not even when an error makes it reopen the file.
        self._guard = self._database.file.connect()
        self._guard.execute("PRAGMA query_only=ON")
        # Opened once: closing any descriptor of the file would drop SQLite's locks on it.
        self._descriptor = os.open(self._database.file.path, os.O_RDONLY | os.O_CLOEXEC)

    @property
    def needs_base(self) -> bool:
        """Whether the parts since the last break can be played on nothing yet."""
        return self._state is None or not self._state.based

    @property
    def position(self) -> Position | None:
        """How far the archive is."""
        state = self._state
        return Position(state.timeline, state.segment, state.end) if state else None

    async def run(self) -> None:
        """Ship for as long as the house is open: every 10 s, or as soon as 4 MB wait."""
        loop = asyncio.get_running_loop()
        last = loop.time()
        while True:
            await asyncio.sleep(LOOK)
            try:
                waiting = self._log_size() - self._shipped()
                if waiting <= 0 or (waiting < LARGEST and loop.time() - last < LONGEST):
                    continue
                last = loop.time()
                await self.ship()
            except (DomainError, OSError) as error:
                # The log keeps what could not be shipped; the next try takes it along.
                log.error("the log could not be shipped: %s", error)  # noqa: TRY400 - said again

    async def ship(self) -> Position | None:
        """Ship now; return how far the archive is then."""
        await self._step(self._ship)
        return self.position

    @asynccontextmanager
    async def base(self) -> AsyncIterator[Base]:
        """Keep the database file as it is while the block lasts; units of work go on meanwhile.

        They go to the log, which grows until we are done. What was committed before is in the
        file, or in the parts up to `Base.position`.
        """
        async with self._one_base:
            self._held = True  # before the step: should we be cancelled in it, it ends here too
            try:
                yield await self._step_to_rest()
            finally:
                self._held = False

    async def _step_to_rest(self) -> Base:
        for _ in range(READER_TRIES):
            base: Base = await self._step(self._rest)
            if base.first_segment > base.state.segment:
                break
            await asyncio.sleep(READER_PAUSE)  # a reader still needs the log
        return base

    async def based(self, timeline: str) -> None:
        """Note that a base of this timeline is safely away."""

        def note(_: Any) -> None:
            if self._state and self._state.timeline == timeline:
                self._save(replace(self._state, based=True))

        await self._step(note)

    async def close(self) -> None:
        """Ship the rest and let go. The database does this itself as it closes, so that whatever
        is written until the very end is in the archive."""
        if self._guard is None:
            return
        try:
            await self.ship()
        except (DomainError, OSError) as error:
            log.error("the end of the log waits for the next start: %s", error)  # noqa: TRY400
        finally:
            await asyncio.to_thread(self._let_go)

    def _let_go(self) -> None:
        if self._guard is not None:
            self._guard.close()
        if self._descriptor is not None:
            os.close(self._descriptor)
        self._guard = self._descriptor = None

    async def _step(self, step: Callable[[Any], Any]) -> Any:
        try:
            return await self._database.between_groups(step)
        except (OSError, sqlcipher.Error) as error:
            full = getattr(error, "errno", 0) in NO_SPACE or "disk is full" in str(error)
            raise Unavailable("disk_full" if full else "disk_failed") from error

    # In the writer's thread, while nobody writes:

    def _rest(self, connection: Any) -> Base:
        """Ship, and empty the log although it is being held."""
        self._ship(connection)
        self._empty(connection)
        state = self._state
        if self._descriptor is None or state is None:
            raise Unavailable("log_not_attached")
        first = state.segment if self._frames(connection) else state.segment + 1
        return Base(self._descriptor, os.fstat(self._descriptor).st_size, state, first)

    def _ship(self, connection: Any) -> None:
        state = self._state
        if state is None or not self._follows(state):
            first = state is None  # nothing is missing where nothing was
            state = ShipState(timeline=new_id().hex, file=self._fingerprint())
            log.log(
                logging.INFO if first else logging.WARNING, "the log archive begins a new timeline"
            )
        copied = self._copy(connection, state)
        try:
            self._save(copied)
        except OSError:
            # The next part has the same name and more in it: nobody may have carried this one.
            self._with_finished_part(state)
            raise
        if not self._held:
            self._empty(connection)

    def _empty(self, connection: Any) -> None:
        """Move what is shipped into the file and reset the log, unless a reader needs it."""
        if self._state and self._frames(connection):
            self._save(replace(self._state, file=()))
            connection.execute("PRAGMA busy_timeout=0")  # nobody writes meanwhile: never wait
            try:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            finally:
                connection.execute("PRAGMA busy_timeout=5000")
        if self._state and not self._state.file:  # also after a crash in between
            self._save(replace(self._state, file=self._fingerprint()))

    def _follows(self, state: ShipState) -> bool:
        """Tell whether the file is as the last ship left it."""
        if state.file:
            return state.file == self._fingerprint()
        header = self._log_header()
        return not header or log_salts(header) == state.salts

    def _copy(self, connection: Any, state: ShipState) -> ShipState:
        """Copy what the log has beyond the archive."""
        frames = self._frames(connection)
        if not frames:
            return state
        with self._log_path.open("rb") as source:
            header = source.read(WAL_HEADER)
            salts, page_size = log_salts(header), log_page_size(header)
            if salts != state.salts:
                state = replace(state, segment=state.segment + 1, salts=salts, end=0)
            end = WAL_HEADER + frames * (FRAME_HEADER.size + page_size)
            if end <= state.end:
                return state
            head = PartHead(
                timeline=state.timeline,
                segment=state.segment,
                start=state.end,
                end=end,
                salts=salts,
                page_size=page_size,
                at=self._clock.now().isoformat(),
                before=state.mac,
                key_version=self._keys.version,
                profile_mark=self._keys.provider.mark,
            )
            mac = write_part(self.folder, head, source, self._keys)
        return replace(state, end=end, mac=mac)

    @staticmethod
    def _frames(connection: Any) -> int:
        """Return how many committed frames the log holds; what lies beyond them is old."""
        frames: int = connection.execute("PRAGMA wal_checkpoint(NOOP)").fetchone()[1]
        return max(0, frames)

    def _save(self, state: ShipState) -> None:
        write_at_once(self.folder / STATE, json.dumps(asdict(state)).encode())
        self._state = state

    def _read_state(self) -> ShipState | None:
        """Read how far we were, and a part that was finished just before a crash."""
        path = self.folder / STATE
        if not path.exists():
            return None
        try:
            values = json.loads(path.read_bytes())
            values["file"] = tuple(values["file"])
            state = ShipState(**values)
        except (ValueError, KeyError, TypeError):
            raise Invalid("log_state_damaged", path=path.name) from None
        return self._with_finished_part(state)

    def _with_finished_part(self, state: ShipState) -> ShipState:
        heads = (read_head(path) for path in self.folder.glob(f"{state.timeline}-*.wal"))
        for head in heads:
            if (
                head
                and head.before == state.mac
                and (head.segment, head.end)
                > (
                    state.segment,
                    state.end,
                )
            ):
                # It will be shipped again, under the same name and with the same bytes before
                # whatever was added since: the copy on the disk may simply go.
                (self.folder / head.name).unlink()
        return state

    def _fingerprint(self) -> tuple[int, ...]:
        found = self._database.file.path.stat()
        return (found.st_ino, found.st_size, found.st_mtime_ns)

    @property
    def _log_path(self) -> Path:
        path = self._database.file.path
        return path.with_name(f"{path.name}-wal")

    def _log_header(self) -> bytes:
        try:
            with self._log_path.open("rb") as file:
                return file.read(WAL_HEADER)
        except FileNotFoundError:
            return b""

    def _log_size(self) -> int:
        try:
            return self._log_path.stat().st_size
        except FileNotFoundError:
            return 0

    def _shipped(self) -> int:
        """Return how many bytes of the log as it is now are in the archive."""
        state = self._state
        header = self._log_header()
        return state.end if state and header and log_salts(header) == state.salts else 0
