"""A database whose log is shipped, and how it comes back from base and parts."""

import os
from pathlib import Path

from sqlalchemy import text

from data.crypto import Keys
from data.database import Database
from data.log_parts import Part, chain, play
from data.shipping import LogShipper
from data.sqlite_file import SqliteFile
from tests.conftest import MASTER

KEYS = Keys(MASTER)


async def opened(folder: Path) -> Database:
    house = await Database(f"sqlite:///{folder}/live.db", KEYS.key("db")).open()
    async with house.transaction(write=True) as session:
        await session.execute(text("CREATE TABLE IF NOT EXISTS t (id INTEGER PRIMARY KEY, x BLOB)"))
    return house


async def write(house: Database, count: int = 1, size: int = 600) -> None:
    for _ in range(count):
        async with house.transaction(write=True) as session:
            await session.execute(text("INSERT INTO t (x) VALUES (randomblob(:n))"), {"n": size})


async def copy_base(shipper: LogShipper, target: Path):
    async with shipper.base() as base:
        target.write_bytes(os.pread(base.descriptor, base.size, 0))
    return base


def parts_of(folder: Path, base) -> list[Part]:
    heads = sorted(folder.glob(f"{base.state.timeline}-*.wal"))
    parts = [Part.read(path, KEYS) for path in heads]
    return chain([p for p in parts if p.head.segment >= base.first_segment], base.state.mac)


def restored(base_file: Path, parts, until=None, key=None) -> int:
    """Return how many rows a copy of the base has after playing, checked for integrity."""
    copy = base_file.with_name("restored.db")
    copy.write_bytes(base_file.read_bytes())
    file = SqliteFile(copy, key or KEYS.key("db"))
    play(file, parts, until)
    connection = file.connect()
    try:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("PRAGMA cipher_integrity_check").fetchall() == []
        return connection.execute("SELECT count(*) FROM t").fetchone()[0]
    finally:
        connection.close()
