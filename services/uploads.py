"""Takes files from people: counted, recognised, scanned, cleaned, sealed; and gives them back.

A file's own name goes nowhere. What is being received lies in a folder of its own, readable by us
alone, and is wiped whatever happens.
"""

import asyncio
import multiprocessing
import os
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from data.clock import Clock
from data.errors import Forbidden, Invalid, NotFound, TooMany, Unavailable
from data.files import NO_SPACE, FileStore, StoredFile
from data.stored_file import KeptFile
from services import cleaning
from services.permissions import Action
from services.policy import Actor, Subject
from services.ports import Scanner, ScanVerdict
from services.transaction import Transactions

CLEANING_SECONDS = 60.0
AT_ONCE = 4
"""Files being scanned and cleaned at the same moment; those that came in meanwhile wait."""
IN_HAND = 60
"""Files being received or in work at the same moment; further ones are refused."""
OF_ONE = 4
"""So many of these may be one person's."""
SILENCE_SECONDS = 20.0
"""How long a sender may send nothing."""
LEAST_RATE = 4096
"""Bytes a second that a sender reaches on the whole once `GRACE_SECONDS` are over; a bad mobile
connection brings twice as much."""
GRACE_SECONDS = 30.0
PIECE = 1 << 18
ASKED_FOR = timedelta(hours=1)
MOST_TICKETS = 2000


@dataclass(frozen=True, slots=True)
class Place:
    """Whose a file is to be; said by the page or service that asked for it, never by a browser."""

    owner_id: UUID
    patient_id: UUID | None = None
    site_id: UUID | None = None
    media_type: str = ""


@dataclass(frozen=True, slots=True)
class Received:
    """A file that is safely kept."""

    id: UUID
    media_type: str
    size: int


@dataclass(frozen=True, slots=True)
class Kept:
    """A file that is about to be read."""

    id: UUID
    media_type: str
    size: int
    stored: StoredFile

    @property
    def name(self) -> str:
        """What a browser calls it when it saves it."""
        return f"xinglin-{str(self.id)[-8:]}.{cleaning.ENDINGS.get(self.media_type, 'bin')}"


@dataclass(frozen=True, slots=True)
class Ticket:
    """An upload that a page has asked for: whose, about whom. The browser only has its number."""

    visitor: str
    patient_id: UUID | None
    until: datetime
    received: dict[str, Received] = field(default_factory=dict)
    """What has come in with it, by id; the page believes this and not what it is told."""


class Tickets:
    """The uploads that open pages have asked for."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._asked: dict[str, Ticket] = {}

    def ask(self, visitor: str, patient_id: UUID | None) -> tuple[str, Ticket]:
        """Return a new ticket and its number; the oldest make room."""
        number, until = secrets.token_urlsafe(16), self._clock.now() + ASKED_FOR
        ticket = Ticket(visitor, patient_id, until)
        self._asked[number] = ticket
        while len(self._asked) > MOST_TICKETS:
            del self._asked[next(iter(self._asked))]
        return number, ticket

    def check(self, number: str, visitor: str) -> Ticket:
        """Return the ticket if it is this visitor's and not too old."""
        ticket = self._asked.get(number)
        if ticket is None or ticket.visitor != visitor or ticket.until < self._clock.now():
            raise NotFound("page_stale")
        return ticket


class Uploads:
    """The receiver of files."""

    def __init__(
        self,
        transactions: Transactions,
        clock: Clock,
        store: FileStore,
        scanner: Scanner | None,
        incoming: Path,
    ) -> None:
        self.tickets = Tickets(clock)
        self._transactions = transactions
        self._store = store
        self._scanner = scanner
        self._incoming = incoming
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._in_hand: Counter[UUID] = Counter()
        self._pool: ProcessPoolExecutor | None = None

    async def receive(
        self, actor: Actor, chunks: AsyncIterator[bytes], patient_id: UUID | None = None
    ) -> Received:
        """Take a file from `actor`, about `patient_id` if given.

        Raise `Invalid`: `file_too_large`, `file_type_refused`, `file_unreadable`,
        `file_encrypted`, `file_too_complex`, `picture_too_large`, `file_infected`, `file_empty`,
        `upload_stalled`; `TooMany` for more than `OF_ONE` at once; `Unavailable`: `busy`,
        `scanner_silent`, `disk_full`.
        """
        if actor.institution_id is None:
            raise Forbidden("forbidden", action=str(Action.FILE_KEEP), subject="stored_file")
        subject = _subject(actor, patient_id)
        async with self._transactions.read(actor) as reading:
            reading.allow(Action.FILE_KEEP, subject)
        with self._taking(actor.user_id), _full_disk_said():
            return await self._take(actor, subject, chunks)

    @contextmanager
    def _taking(self, sender: UUID) -> Iterator[None]:
        """Have a file in hand, if there is room for one more and for one more of this person's."""
        if self._in_hand[sender] >= OF_ONE:
            raise TooMany("too_many", retry_after=10)
        if self._in_hand.total() >= IN_HAND:
            raise Unavailable("busy", retry_after=10)
        self._in_hand[sender] += 1
        try:
            yield
        finally:
            self._in_hand[sender] -= 1
            if not self._in_hand[sender]:
                del self._in_hand[sender]

    async def _take(self, actor: Actor, subject: Subject, chunks: AsyncIterator[bytes]) -> Received:
        assert subject.institution_id is not None  # noqa: S101 - asked above; tells the type
        raw = Incoming(self._incoming)
        copy = Incoming(self._incoming)
        try:
            media_type = await raw.fill(moving(chunks))
            async with self._turns:  # not before: a sender who dawdles keeps nobody waiting
                await self._scan(raw)
                media_type = await self._clean(media_type, raw, copy)
            stored = await self._store.put(copy.pieces(), subject.institution_id)
        finally:
            await asyncio.to_thread(wipe, raw.path, copy.path)
        place = Place(actor.user_id, subject.patient_id, subject.site_id, media_type)
        async with self._transactions.open(actor) as tx:
            tx.allow(Action.FILE_KEEP, subject, media_type=media_type, size=stored.size)
            row = await self._store.keep(tx.session, stored, place, tx.now)
            return Received(row.id, media_type, stored.size)

    async def _scan(self, raw: "Incoming") -> None:
        if self._scanner and await self._scanner.scan(raw.pieces()) is ScanVerdict.INFECTED:
            raise Invalid("file_infected")

    async def _clean(self, media_type: str, raw: "Incoming", copy: "Incoming") -> str:
        if self._pool is None:
            context = multiprocessing.get_context("spawn")  # fork would copy our keys and sockets
            self._pool = ProcessPoolExecutor(2, context, cleaning.confine)
        loop, pool = asyncio.get_running_loop(), self._pool
        work = loop.run_in_executor(pool, cleaning.clean, media_type, raw.path, copy.path)
        try:
            async with asyncio.timeout(CLEANING_SECONDS):
                return await work
        except cleaning.Unclean as problem:
            if problem.code == "disk_full":
                raise Unavailable(problem.code) from None
            raise Invalid(problem.code) from None
        except (TimeoutError, BrokenProcessPool):
            self._end(pool)
            raise Invalid("file_too_complex") from None

    def _end(self, pool: ProcessPoolExecutor) -> None:
        """End a pool whose process hangs or has died; the next file gets a new one."""
        for process in tuple(pool._processes.values()):  # noqa: SLF001 - 3.14 has kill_workers()
            process.kill()
        pool.shutdown(wait=False, cancel_futures=True)
        if self._pool is pool:
            self._pool = None

    async def find(self, actor: Actor, file_id: UUID) -> Kept:
        """Return a file the actor may read; looking is noted. Raise `NotFound`, `Forbidden`."""
        async with self._transactions.open(actor) as tx:
            row = await tx.get(KeptFile, file_id)
            tx.allow(Action.FILE_READ, row)
            return Kept(row.id, row.media_type, row.size, StoredFile.of(row))

    def read(self, kept: Kept, start: int, end: int) -> AsyncIterator[bytes]:
        """Yield bytes `start` to `end` (exclusive)."""
        return self._store.read(kept.stored, start, end)

    async def tidy(self) -> None:
        """Wipe what a crash has left; called once at the start."""
        left = await asyncio.to_thread(lambda: tuple(self._incoming.glob("*")))
        await asyncio.to_thread(wipe, *left)

    def close(self) -> None:
        """Let the processes go."""
        if self._pool is not None:
            self._end(self._pool)


def _subject(actor: Actor, patient_id: UUID | None) -> Subject:
    return Subject(
        "stored_file",
        institution_id=actor.institution_id,
        owner_id=actor.user_id,
        patient_id=patient_id,
    )


@contextmanager
def _full_disk_said() -> Iterator[None]:
    """Raise `Unavailable("disk_full")` where something that came in found no room."""
    try:
        yield
    except OSError as trouble:
        if trouble.errno in NO_SPACE:
            raise Unavailable("disk_full") from None
        raise


async def moving(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Pass on what comes for as long as it does; raise `Invalid("upload_stalled")` then."""
    loop = asyncio.get_running_loop()
    began, seen = loop.time(), 0
    while True:
        try:
            async with asyncio.timeout(SILENCE_SECONDS):
                chunk = await anext(chunks)
        except StopAsyncIteration:
            return
        except TimeoutError:
            raise Invalid("upload_stalled") from None
        seen += len(chunk)
        if seen < LEAST_RATE * (loop.time() - began - GRACE_SECONDS):
            raise Invalid("upload_stalled")
        yield chunk


class Incoming:
    """A file while it is in our hands."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / os.urandom(16).hex()

    async def fill(self, chunks: AsyncIterator[bytes]) -> str:
        """Write what comes, as far as it may; return what sort it is."""
        writing = await asyncio.to_thread(_create, self.path)
        try:
            return await self._pour(chunks, writing)
        finally:
            await asyncio.to_thread(writing.close)

    async def _pour(self, chunks: AsyncIterator[bytes], writing: BinaryIO) -> str:
        head, held, total, media_type = b"", bytearray(), 0, ""
        most = cleaning.MOST_BYTES
        async for chunk in chunks:
            total += len(chunk)
            held += chunk
            if not media_type and len(head) < cleaning.HEAD_BYTES:
                head += chunk[: cleaning.HEAD_BYTES - len(head)]
                if len(head) >= cleaning.HEAD_BYTES:
                    media_type, most = _judged(head)
            if total > most:
                raise Invalid("file_too_large", limit=most // cleaning.MEGABYTE)
            if len(held) >= PIECE:
                await asyncio.to_thread(writing.write, bytes(held))
                held.clear()
        if not total:
            raise Invalid("file_empty")
        if not media_type:
            media_type, _ = _judged(head)
        await asyncio.to_thread(writing.write, bytes(held))
        return media_type

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield the content."""
        reading = await asyncio.to_thread(self.path.open, "rb")
        try:
            while piece := await asyncio.to_thread(reading.read, PIECE):
                yield piece
        finally:
            await asyncio.to_thread(reading.close)


def _judged(head: bytes) -> tuple[str, int]:
    media_type = cleaning.recognise(head)
    if not media_type:
        raise Invalid("file_type_refused")
    return media_type, cleaning.SORTS[media_type].most_bytes


def _create(path: Path) -> BinaryIO:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def wipe(*paths: Path) -> None:
    """Overwrite files and remove them, so that a patient's picture does not lie about."""
    for path in paths:
        # A disk that refuses to overwrite, full as it is, must not keep what it could remove.
        with suppress(OSError):
            _overwrite(path)
        path.unlink(missing_ok=True)


def _overwrite(path: Path) -> None:
    size = path.stat().st_size
    with path.open("r+b") as file:
        for start in range(0, size, PIECE):
            file.write(bytes(min(PIECE, size - start)))  # not a byte more: there may be no room
        file.flush()
        os.fsync(file.fileno())
