"""Writes and ships until it is killed, or dies by itself at a given step: a process for tests."""

import asyncio
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import text

from data import shipping
from data.crypto import Keys
from data.database import Database
from data.shipping import LogShipper

KEYS = Keys(bytes(range(32)))


class Standing:
    def now(self) -> datetime:
        return datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


class Steps:
    """Counts the moments before and after each file that is written, and ends at one of them."""

    def __init__(self, die_at: int) -> None:
        self.left = die_at

    def count(self) -> None:
        self.left -= 1
        if self.left == 0:
            os._exit(9)

    def around(self, work):
        def counted(*args, **kwargs):
            self.count()
            result = work(*args, **kwargs)
            self.count()
            return result

        return counted


async def main(folder: Path) -> None:
    house = await Database(f"sqlite:///{folder}/live.db", KEYS.key("db")).open()
    async with house.transaction(write=True) as session:
        await session.execute(text("CREATE TABLE IF NOT EXISTS t (id INTEGER PRIMARY KEY, x BLOB)"))
    shipper = LogShipper(house, folder / "log", KEYS, Standing())
    await shipper.attach()
    if not (folder / "base.db").exists():
        async with shipper.base() as base:
            (folder / "base.part").write_bytes(os.pread(base.descriptor, base.size, 0))
        where = f"{base.state.timeline} {base.first_segment} {base.state.mac}"
        (folder / "base.txt").write_text(where)
        (folder / "base.part").rename(folder / "base.db")
    while True:
        for _ in range(3):
            async with house.transaction(write=True) as session:
                await session.execute(text("INSERT INTO t (x) VALUES (randomblob(600))"))
        async with house.transaction(write=False) as session:
            rows = await session.scalar(text("SELECT count(*) FROM t"))
        sys.stdout.write(f"{rows}\n")
        sys.stdout.flush()
        await shipper.ship()


if __name__ == "__main__":
    steps = Steps(int(sys.argv[2]))
    shipping.write_part = steps.around(shipping.write_part)
    shipping.write_at_once = steps.around(shipping.write_at_once)
    asyncio.run(main(Path(sys.argv[1])))
