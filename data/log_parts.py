"""The archived log of an SQLite database: parts, each sealed to the one before, and playing them.

A part is a stretch of a write-ahead log (WAL) that ends with a commit: one line of JSON that says
which, the bytes as SQLite wrote them (SQLCipher has encrypted the pages already), and a MAC over
both and the MAC of the part before. So a part that is missing, damaged, out of place or of another
house is found before anything is played.

A segment is all that one log held between two resets. Playing it means to put its bytes beside the
database file as its log and to let SQLite recover, as after a crash; at a point in time the bytes
are cut at the commit before it.
"""

import json
import os
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from data.crypto import Keys
from data.errors import DomainError, Invalid
from data.keyring import sync_folder
from data.sqlite_file import SqliteFile

LABEL = "backup"
SUFFIX = ".wal"
WAL_HEADER = 32
FRAME_HEADER = struct.Struct(">II8s8x")  # page number, pages after a commit or 0, salts
MAC_SIZE = 32
COPY = 1 << 20


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A commit in a timeline: the end of one of its frames."""

    timeline: str
    segment: int
    offset: int


@dataclass(frozen=True, slots=True)
class PartHead:
    """What a part says of itself."""

    timeline: str
    segment: int
    start: int
    end: int
    salts: str
    """What tells one filling of the log from the next, hexadecimal."""
    page_size: int
    at: str
    """When it was shipped: everything in it was committed before."""
    before: str
    """The MAC of the part before, hexadecimal; empty for the first of a timeline."""
    key_version: int
    profile_mark: int
    format: int = 1

    @property
    def name(self) -> str:
        return f"{self.timeline}-{self.segment:08d}-{self.start:012d}{SUFFIX}"

    @property
    def shipped_at(self) -> datetime:
        return datetime.fromisoformat(self.at)


@dataclass(frozen=True, slots=True)
class Part:
    """A part in a folder."""

    head: PartHead
    path: Path
    body_at: int
    mac: str

    @classmethod
    def read(cls, path: Path, keys: Keys) -> "Part":
        """Read and check a part; raise `Invalid("log_part_damaged")`."""
        try:
            content = path.read_bytes()
            line, found, rest = content[:-MAC_SIZE].partition(b"\n")
            head = PartHead(**json.loads(line))
            mac = _mac(keys, head, line, rest)
        except (OSError, ValueError, TypeError, DomainError):
            raise Invalid("log_part_damaged", name=path.name) from None
        whole = bool(found) and len(rest) == head.end - head.start and head.name == path.name
        if not whole or mac != content[-MAC_SIZE:]:
            raise Invalid("log_part_damaged", name=path.name)
        return cls(head, path, len(line) + 1, mac.hex())


def write_part(folder: Path, head: PartHead, log: BinaryIO, keys: Keys) -> str:
    """Copy `head.start` to `head.end` of an open log into the folder, durably; return the MAC."""
    log.seek(head.start)
    body = log.read(head.end - head.start)
    line = json.dumps(asdict(head), separators=(",", ":")).encode()
    mac = _mac(keys, head, line, body)
    part = folder / f".{head.name}.part"
    with part.open("wb") as file:
        os.fchmod(file.fileno(), 0o600)
        file.writelines((line, b"\n", body, mac))
        file.flush()
        os.fsync(file.fileno())
    part.replace(folder / head.name)
    sync_folder(folder)
    return mac.hex()


def _mac(keys: Keys, head: PartHead, line: bytes, body: bytes) -> bytes:
    provider = keys.provider_of(head.profile_mark)
    return provider.mac(keys.key(LABEL, head.key_version), line + b"\n" + body)


def chain(parts: Iterable[Part], after: str) -> list[Part]:
    """Return the parts in order; raise `Invalid("log_part_missing")` if they do not join.

    `after` is the MAC of the last part that is already in the base; a later base may lie between
    parts, so what comes before it is passed over.
    """
    ordered = sorted(parts, key=lambda part: part.head.name)
    macs = [part.mac for part in ordered]
    rest = ordered[macs.index(after) + 1 :] if after in macs else ordered
    before = after
    for part in rest:
        if part.head.before != before:
            raise Invalid("log_part_missing", name=part.head.name)
        before = part.mac
    return ordered


def segments(parts: Sequence[Part]) -> Iterator[list[Part]]:
    """Yield the parts of each segment, in order."""
    group: list[Part] = []
    for part in parts:
        if group and group[-1].head.segment != part.head.segment:
            yield group
            group = []
        group.append(part)
    if group:
        yield group


def play(file: SqliteFile, parts: Sequence[Part], until: Position | None = None) -> int:
    """Play parts into a database file at rest; return how many frames were played.

    `until` ends at the last commit not after it. Raise `Invalid("log_part_damaged")` if SQLite
    does not take a segment whole: it belongs to another database.
    """
    played = 0
    for group in segments(parts):
        head = group[0].head
        if until and head.segment > until.segment:
            break
        cut = until.offset if until and until.segment == head.segment else group[-1].head.end
        played += _play_segment(file, group, cut)
    return played


def _play_segment(file: SqliteFile, group: list[Part], cut: int) -> int:
    head = group[0].head
    starts = [0, *(part.head.end for part in group[:-1])]
    if starts != [part.head.start for part in group]:
        raise Invalid("log_part_missing", name=head.name)
    log_path = file.path.with_name(f"{file.path.name}-wal")
    with log_path.open("w+b") as log:
        for part in group:
            _append(part, log)
        ends = [end for end in commits(log, head.salts) if end <= cut]
        end = ends[-1] if ends else 0
        log.truncate(end)
    frames = max(0, end - WAL_HEADER) // (FRAME_HEADER.size + head.page_size)
    connection = file.connect()
    try:
        _, found, _ = connection.execute("PRAGMA wal_checkpoint(NOOP)").fetchone()
        if found != frames:
            raise Invalid("log_part_damaged", name=head.name)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    finally:
        connection.close()
    return frames


def _append(part: Part, log: BinaryIO) -> None:
    with part.path.open("rb") as source:
        source.seek(part.body_at)
        left = part.head.end - part.head.start
        while left:
            piece = source.read(min(COPY, left))
            log.write(piece)
            left -= len(piece)


def commits(log: BinaryIO, salts: str) -> list[int]:
    """Return where each commit of a log ends, in bytes from its start."""
    log.seek(0)
    page_size = log_page_size(log.read(WAL_HEADER))
    ends: list[int] = []
    offset = WAL_HEADER
    while len(header := log.read(FRAME_HEADER.size)) == FRAME_HEADER.size:
        _, pages_after, found = FRAME_HEADER.unpack(header)
        if found.hex() != salts:
            break
        offset += FRAME_HEADER.size + page_size
        log.seek(offset)
        if pages_after:
            ends.append(offset)
    return ends


def log_page_size(header: bytes) -> int:
    """Return the page size that stands in a log's header."""
    size: int = struct.unpack_from(">I", header, 8)[0]
    return size


def log_salts(header: bytes) -> str:
    """Return what tells this filling of the log from others, hexadecimal."""
    return header[16:24].hex()


def read_head(path: Path) -> PartHead | None:
    """Return what a part says of itself, unchecked; nothing if it is none."""
    try:
        with path.open("rb") as file:
            values: dict[str, Any] = json.loads(file.readline())
        return PartHead(**values)
    except (OSError, ValueError, TypeError):
        return None
