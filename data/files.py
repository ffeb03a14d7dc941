"""Files under lock: attachments, reports, recordings, each sealed by a key of its own (文件库).

A blob on the disk is a 16-byte header and chunks of 64 KiB, each sealed by AES-256-GCM (or
SM4-GCM) with a nonce of 7 random bytes, the chunk's number and a mark on the last one (the STREAM
construction), and bound to the header. So a changed bit, a chunk elsewhere, a cut and an
exchanged file all show, and any part of a long recording can be read without the rest.

A blob's name is a keyed digest of its content, which tells a thief nothing, and a random copy
number: a name never stands for other bytes, so a backup that has it need not look inside.

Shredding blanks the wrapped key in the row (data/stored_file.py) and removes the blob here and,
with the next backup, at the backup's target. What it cannot reach: a copy of the target made
elsewhere, which holds both the blob and an older database until that copy is thrown away; and,
inside our own encrypted database file and log, the old page until it is overwritten.
"""

import asyncio
import os
import struct
import threading
from collections.abc import AsyncIterator, Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from io import FileIO
from pathlib import Path
from typing import Protocol
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from data.crypto import BY_MARK, TAG_SIZE, Keys
from data.errors import DomainError, Invalid, NotFound, Unavailable
from data.keyring import sync_folder
from data.stored_file import KeptFile

MAGIC = b"XLF1"
HEADER = struct.Struct(">4sB7s4x")  # magic, profile, nonce prefix, zeros: 16 bytes
NONCE_TAIL = struct.Struct(">IB")  # number of the chunk, 1 for the last
CHUNK = 64 * 1024
BATCH = 16  # chunks a turn in a thread: a change of thread costs as much as sealing one chunk
KEY_LABEL = "file-kek"
NAME_LABEL = "file-name"
PART = ".part"
NO_SPACE = frozenset({28, 122})  # ENOSPC, EDQUOT


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A blob on the disk and what opens it; it needs no database to be read."""

    institution_id: UUID
    blob: str
    digest: str
    size: int
    wrapped_key: bytes
    key_version: int

    @classmethod
    def of(cls, row: KeptFile) -> "StoredFile":
        """Read a row; raise `NotFound("file_shredded")` if its key is gone."""
        if row.wrapped_key is None:
            raise NotFound("file_shredded", key=str(row.id))
        return cls(
            row.institution_id, row.blob, row.digest, row.size, row.wrapped_key, row.key_version
        )


class Placing(Protocol):
    """Whose a file is to be; a service's own value."""

    @property
    def owner_id(self) -> UUID: ...
    @property
    def patient_id(self) -> UUID | None: ...
    @property
    def site_id(self) -> UUID | None: ...
    @property
    def media_type(self) -> str: ...


class FileStore:
    """The folder of blobs."""

    def __init__(self, folder: Path, keys: Keys) -> None:
        self.folder = folder
        self._keys = keys

    async def put(
        self, chunks: AsyncIterator[bytes], institution_id: UUID, *, limit: int | None = None
    ) -> StoredFile:
        """Seal a stream onto the disk, durably; nobody knows of it until it is kept in a row.

        Raise `Invalid("file_too_large")` beyond `limit` bytes and `Unavailable("disk_full")`;
        whatever goes wrong, nothing of it stays behind.
        """
        part = _Part(self.folder, self._keys, institution_id)
        try:
            return await self._fill(part, chunks, limit)
        except OSError as error:
            await asyncio.to_thread(part.discard)
            if error.errno in NO_SPACE:
                raise Unavailable("disk_full") from None
            raise
        except BaseException:
            await asyncio.to_thread(part.discard)
            raise

    @staticmethod
    async def _fill(part: "_Part", chunks: AsyncIterator[bytes], limit: int | None) -> StoredFile:
        await asyncio.to_thread(part.start)
        waiting: list[bytes] = []
        held = total = 0
        async for chunk in chunks:
            waiting.append(chunk)
            held, total = held + len(chunk), total + len(chunk)
            if limit is not None and total > limit:
                raise Invalid("file_too_large", limit=limit // 1_000_000)
            if held >= BATCH * CHUNK:
                await asyncio.to_thread(part.add, b"".join(waiting))
                waiting, held = [], 0
        return await asyncio.to_thread(part.finish, b"".join(waiting))

    async def keep(
        self, session: AsyncSession, stored: StoredFile, placing: Placing, now: datetime
    ) -> KeptFile:
        """Write the row within a unit of work; return it.

        If the institution has the same content already its blob is used, and the one just
        written is left to `sweep`.
        """
        known = await session.scalar(
            select(KeptFile)
            .where(
                KeptFile.institution_id == stored.institution_id,
                KeptFile.digest == stored.digest,
                KeptFile.wrapped_key.is_not(None),
            )
            .limit(1)
        )
        if known and self._is_whole(known.blob, known.size):
            stored = StoredFile.of(known)
        row = KeptFile(
            institution_id=stored.institution_id,
            site_id=placing.site_id,
            owner_id=placing.owner_id,
            patient_id=placing.patient_id,
            media_type=placing.media_type,
            size=stored.size,
            digest=stored.digest,
            blob=stored.blob,
            wrapped_key=stored.wrapped_key,
            key_version=stored.key_version,
            created_at=now,
        )
        session.add(row)
        return row

    async def shred(self, session: AsyncSession, row: KeptFile, now: datetime) -> str | None:
        """Blank the key; return the blob to `remove` after the commit, if nobody else has it."""
        row.wrapped_key, row.shredded_at = None, now
        query = select(KeptFile.id).where(
            KeptFile.blob == row.blob, KeptFile.wrapped_key.is_not(None), KeptFile.id != row.id
        )
        return None if await session.scalar(query.limit(1)) else row.blob

    async def remove(self, blob: str) -> None:
        """Delete a blob; that it is gone already is no error."""
        await asyncio.to_thread(self.path(blob).unlink, missing_ok=True)

    async def read(
        self, stored: StoredFile, start: int = 0, end: int | None = None
    ) -> AsyncIterator[bytes]:
        """Yield bytes `start` to `end` (exclusive), at most 1 MiB at a time.

        Raise `Invalid("file_damaged")` for a blob that is not as it was written, also if only its
        end is missing; `NotFound("file_missing")`; `Invalid("range_not_satisfiable")`.
        """
        stop = stored.size if end is None else min(end, stored.size)
        if not 0 <= start <= stop:
            raise Invalid("range_not_satisfiable", size=stored.size)
        blob = await asyncio.to_thread(_Blob, self.path(stored.blob), stored, self._keys)
        try:
            for first, count in blob.batches(start, stop):
                text = await asyncio.to_thread(blob.chunks, first, count)
                if piece := text[max(0, start - first * CHUNK) : stop - first * CHUNK]:
                    yield piece
        finally:
            blob.close()

    def path(self, blob: str) -> Path:
        """Return where a blob lies: 256 folders, so that none grows too long."""
        return self.folder / blob[:2] / blob

    def _is_whole(self, blob: str, size: int) -> bool:
        try:
            return self.path(blob).stat().st_size == sealed_size(size)
        except OSError:
            return False

    async def blobs(self) -> list[str]:
        """Return the names of all blobs on the disk."""
        return await asyncio.to_thread(
            lambda: sorted(path.name for path in self.folder.glob("??/*") if path.suffix != PART)
        )

    async def sweep(self, live: Collection[str], now: datetime) -> int:
        """Delete blobs that no row names and parts nobody finished; return how many.

        Those of the last day stay: their row may be about to be written.
        """
        return await asyncio.to_thread(self._sweep, frozenset(live), now - timedelta(days=1))

    def _sweep(self, live: frozenset[str], before: datetime) -> int:
        count = 0
        for path in [*self.folder.glob("??/*"), *self.folder.glob(f"*{PART}")]:
            if path.name not in live and path.stat().st_mtime < before.timestamp():
                path.unlink(missing_ok=True)
                count += 1
        return count


def sealed_size(size: int) -> int:
    """Return how long the blob of `size` bytes is."""
    return HEADER.size + size + TAG_SIZE * max(1, -(-size // CHUNK))


def rewrapped(wrapped: bytes, blob: str, keys: Keys) -> bytes:
    """Return the same content key, wrapped by the newest master: rotating never touches blobs."""
    return keys.seal(KEY_LABEL, keys.open(KEY_LABEL, wrapped, blob.encode()), blob.encode())


class _Part:
    """A blob in the making; every method but the constructor belongs in a thread."""

    def __init__(self, folder: Path, keys: Keys, institution_id: UUID) -> None:
        self._folder, self._keys, self._institution_id = folder, keys, institution_id
        self._key = os.urandom(32)
        self._prefix = os.urandom(7)
        self._header = HEADER.pack(MAGIC, keys.provider.mark, self._prefix)
        self._path = folder / f"{os.urandom(8).hex()}{PART}"
        self._hash = keys.provider.hashing()
        self._rest = b""
        self._number = self._size = 0
        self._busy = threading.Lock()  # a cancelled caller discards what a thread still writes
        self._over = False
        self._file: FileIO | None = None

    def start(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._busy:
            if self._over:
                return
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            self._file = os.fdopen(descriptor, "wb", buffering=0)
            self._file.write(self._header)

    def add(self, text: bytes) -> None:
        """Seal all but the last, perhaps full, chunk: it may turn out to be the end."""
        with self._busy:
            if self._over:
                return
            self._hash.update(text)
            self._size += len(text)
            text = self._rest + text
            whole = max(0, (len(text) - 1) // CHUNK) * CHUNK
            for start in range(0, whole, CHUNK):
                self._write(text[start : start + CHUNK], last=False)
            self._rest = text[whole:]

    def _write(self, text: bytes, *, last: bool) -> None:
        nonce = self._prefix + NONCE_TAIL.pack(self._number, last)
        sealed = memoryview(self._keys.provider.seal(self._key, nonce, text, self._header))
        while sealed and self._file:  # a write may be short, just before the disk is full
            sealed = sealed[self._file.write(sealed) :]
        self._number += 1

    def finish(self, text: bytes) -> StoredFile:
        """Seal the end, give the file its name, and make both survive a power cut."""
        self.add(text)
        with self._busy:
            self._write(self._rest, last=True)
            if self._file:
                os.fsync(self._file.fileno())
                self._file.close()
            digest = self._keys.mac(NAME_LABEL, self._institution_id.bytes + self._hash.finalize())
            blob = f"{digest.hex()}-{os.urandom(4).hex()}"
            target = self._folder / blob[:2] / blob
            target.parent.mkdir(exist_ok=True, mode=0o700)
            self._path.replace(target)
            self._path = target
            sync_folder(target.parent)
            sync_folder(self._folder)
            self._over = True
        wrapped = self._keys.seal(KEY_LABEL, self._key, blob.encode())
        return StoredFile(
            self._institution_id, blob, digest.hex(), self._size, wrapped, self._keys.version
        )

    def discard(self) -> None:
        """Leave nothing, not even what was finished while its caller was being cancelled."""
        with self._busy:
            self._over = True
            if self._file:
                self._file.close()
            self._path.unlink(missing_ok=True)


class _Blob:
    """A finished blob, open for reading; every method but `batches` belongs in a thread."""

    def __init__(self, path: Path, stored: StoredFile, keys: Keys) -> None:
        try:
            self._file = path.open("rb", buffering=0)
        except FileNotFoundError:
            raise NotFound("file_missing", name=stored.blob[:12]) from None
        self._name = stored.blob[:12]
        self._last = max(1, -(-stored.size // CHUNK)) - 1
        try:
            self._header = self._file.read(HEADER.size)
            self._check(stored.size)
            self._key = keys.open(KEY_LABEL, stored.wrapped_key, stored.blob.encode())
        except BaseException:
            self._file.close()
            raise
        self._provider = BY_MARK[self._header[len(MAGIC)]]
        self._prefix = HEADER.unpack(self._header)[2]

    def _check(self, size: int) -> None:
        """Find a foreign file, and one that was cut even at the edge of a chunk."""
        whole = os.fstat(self._file.fileno()).st_size == sealed_size(size)
        known = self._header[: len(MAGIC)] == MAGIC and self._header[len(MAGIC)] in BY_MARK
        if not whole or not known:
            raise Invalid("file_damaged", name=self._name)

    def batches(self, start: int, stop: int) -> Iterator[tuple[int, int]]:
        """Yield (first chunk, how many) that cover the bytes; an empty range reads nothing."""
        if start == stop and not (start == 0 and self._last == 0):
            return
        final = max(start, stop - 1) // CHUNK
        for first in range(start // CHUNK, final + 1, BATCH):
            yield first, min(BATCH, final + 1 - first)

    def chunks(self, first: int, count: int) -> bytes:
        """Open some chunks in a row."""
        step = CHUNK + TAG_SIZE
        sealed = os.pread(self._file.fileno(), count * step, HEADER.size + first * step)
        texts = []
        for offset in range(count):
            number = first + offset
            nonce = self._prefix + NONCE_TAIL.pack(number, number == self._last)
            piece = sealed[offset * step : (offset + 1) * step]
            try:
                texts.append(self._provider.open(self._key, nonce, piece, self._header))
            except (DomainError, ValueError):
                raise Invalid("file_damaged", name=self._name) from None
        return b"".join(texts)

    def close(self) -> None:
        self._file.close()
