"""Takes the database as it is at one moment, without stopping anybody. (数据库快照)"""

import asyncio
import os
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from sqlcipher3 import dbapi2 as sqlcipher

from data.clock import stopwatch
from data.crypto import Keys
from data.database import Database
from data.errors import Invalid
from data.log_parts import Part, play
from data.shipping import Base, LogShipper
from data.sqlite_file import SqliteFile

PIECE = 1 << 20
PACE = 64 << 20  # bytes a second
SCHEMA_TABLE = "xinglin_schema"  # as in data/schema.py; absent where tests made the tables


@dataclass(slots=True)
class Contents:
    """What is in a snapshot: what a restore is compared with."""

    schema: str = ""
    counts: dict[str, int] = field(default_factory=dict)
    audit_seq: int = 0
    audit_mac: str = ""
    blobs: dict[str, int] = field(default_factory=dict)
    """Files that can be read, with their sizes as they were handed in."""
    shredded: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A copy on our disk, sealed as it will lie at the target."""

    path: Path
    kind: str
    base: dict[str, Any]
    contents: Contents


class Snapshots(Protocol):
    """Takes snapshots of one kind of database."""

    async def take(self, work: Path) -> Snapshot:
        """Copy the database into the working folder."""
        ...


class SqliteSnapshots:
    """Copies the file while the log keeps what happens meanwhile (data/shipping.py).

    Not SQLite's own stepped backup, which begins anew at every write and never ends under load,
    and not VACUUM INTO, whose pages are others, so that no log could be played on them.
    """

    def __init__(self, database: Database, shipper: LogShipper, keys: Keys) -> None:
        self._file = database.file
        self._shipper = shipper
        self._keys = keys

    async def take(self, work: Path) -> Snapshot:
        path = work / "base"
        copy = SqliteFile(path, self._keys.key("db"))
        stop = threading.Event()
        try:
            async with self._shipper.base() as base:
                await asyncio.to_thread(_copy, base, path, stop)
                # Within: the parts of a segment that is over may be carried away.
                await asyncio.to_thread(self._play_open_segment, copy, base)
        finally:
            stop.set()
        contents = await asyncio.to_thread(_read_copy, copy)
        where = {
            "timeline": base.state.timeline,
            "segment": base.state.segment,
            "end": base.state.end,
            "mac": base.state.mac,
            "first_segment": base.first_segment,
        }
        return Snapshot(path, "sqlite", where, contents)

    def _play_open_segment(self, copy: SqliteFile, base: Base) -> None:
        """Bring the copy to the moment of the base, if a reader kept that in the log."""
        if base.first_segment > base.state.segment:
            return
        pattern = f"{base.state.timeline}-{base.state.segment:08d}-*.wal"
        parts = [Part.read(path, self._keys) for path in sorted(self._shipper.folder.glob(pattern))]
        play(copy, [part for part in parts if part.head.end <= base.state.end])


def _copy(base: Base, path: Path, stop: threading.Event) -> None:
    began, copied = stopwatch(), 0
    with path.open("wb") as file:
        os.fchmod(file.fileno(), 0o600)
        while copied < base.size and not stop.is_set():
            piece = os.pread(base.descriptor, min(PIECE, base.size - copied), copied)
            file.write(piece)
            copied += len(piece)
            stop.wait(max(0.0, copied / PACE - (stopwatch() - began)))
        file.flush()
        os.fsync(file.fileno())


def _read_copy(file: SqliteFile) -> Contents:
    """Look into what was just copied; raise `Invalid("database_damaged")`: the house's own is."""
    try:
        return read_contents(file)
    except sqlcipher.DatabaseError:
        raise Invalid("database_damaged") from None


def read_contents(file: SqliteFile) -> Contents:
    """Look into a database file nobody else has open; blocks."""
    connection = file.connect()
    try:
        names = connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        ).fetchall()
        tables = sorted(name for (name,) in names)
        return gather(tables, lambda sql: connection.execute(sql).fetchall())
    finally:
        connection.close()


def gather(tables: list[str], ask: Any) -> Contents:
    """Ask a database (by a function from SQL to rows) what it contains."""
    found = Contents()
    for table in tables:
        [[found.counts[table]]] = ask(f'SELECT count(*) FROM "{table}"')  # noqa: S608 - its own names
    if SCHEMA_TABLE in tables:
        found.schema = ",".join(row[0] for row in ask(f"SELECT version_num FROM {SCHEMA_TABLE}"))  # noqa: S608
    if "audit_entry" in tables:
        for seq, mac in ask("SELECT seq, mac FROM audit_entry ORDER BY seq DESC LIMIT 1"):
            found.audit_seq, found.audit_mac = seq, mac
    if "stored_file" in tables:
        live = "SELECT DISTINCT blob, size FROM stored_file WHERE wrapped_key IS NOT NULL"
        found.blobs = {row[0]: row[1] for row in ask(live)}
        gone = ask("SELECT DISTINCT blob FROM stored_file WHERE wrapped_key IS NULL")
        found.shredded = [blob for (blob,) in gone if blob not in found.blobs]
    return found
