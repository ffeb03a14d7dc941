"""What was committed is in the archive within seconds, once, and comes back to any commit."""

import asyncio
import os
import random

import pytest
from sqlalchemy import text

from data.crypto import Keys
from data.errors import DomainError, Unavailable
from data.log_parts import Part, Position, chain, commits
from data.shipping import LogShipper
from data.sqlite_file import SqliteFile
from tests.conftest import HeldClock
from tests.data_layer.archived import KEYS, copy_base, opened, parts_of, restored, write


@pytest.fixture
async def house(tmp_path):
    house = await opened(tmp_path)
    yield house
    await house.close()


@pytest.fixture
async def shipper(house, tmp_path):
    shipper = LogShipper(house, tmp_path / "log", KEYS, HeldClock())
    await shipper.attach()
    yield shipper
    await shipper.close()


def code_of(act, *args) -> str:
    with pytest.raises(DomainError) as caught:
        act(*args)
    return caught.value.code


async def test_a_lost_disk_comes_back_from_base_and_parts(house, shipper, tmp_path):
    """R-BCK: base and segments alone."""
    await write(house, 20)
    base = await copy_base(shipper, tmp_path / "base.db")
    for _ in range(5):
        await write(house, 30)
        await shipper.ship()

    assert restored(tmp_path / "base.db", parts_of(shipper.folder, base)) == 170
    assert not any(b"CREATE TABLE" in path.read_bytes() for path in shipper.folder.iterdir())


async def test_any_of_25_random_commits_comes_back_exactly(house, shipper, tmp_path):
    base = await copy_base(shipper, tmp_path / "base.db")
    for _ in range(6):
        await write(house, 50)
        await shipper.ship()
    parts = parts_of(shipper.folder, base)
    ends = []
    for part in parts:
        log = tmp_path / "one.wal"
        log.write_bytes(part.path.read_bytes()[part.body_at : -32])
        with log.open("rb") as file:
            ends += [(part.head.segment, end) for end in commits(file, part.head.salts)]
    assert len(ends) == 300

    for index in sorted(random.Random(1).sample(range(300), 25)):
        segment, end = ends[index]
        until = Position(base.state.timeline, segment, end)
        assert restored(tmp_path / "base.db", parts, until) == index + 1
        inside = Position(base.state.timeline, segment, end + 700)  # within the next commit
        assert restored(tmp_path / "base.db", parts, inside) == index + 1


async def test_a_reader_that_looks_at_the_past_costs_nothing(house, shipper, tmp_path):
    """The log cannot be reset under it: parts follow each other within one segment."""
    base = await copy_base(shipper, tmp_path / "base.db")
    async with house.transaction(write=False) as session:
        assert await session.scalar(text("SELECT count(*) FROM t")) == 0
        for _ in range(4):
            await write(house, 10)
            await shipper.ship()
    parts = parts_of(shipper.folder, base)
    assert len({part.head.segment for part in parts}) == 1
    assert [part.head.start for part in parts] == [0, *(part.head.end for part in parts[:-1])]
    await write(house, 10)
    await shipper.ship()
    await write(house, 10)
    await shipper.ship()

    assert restored(tmp_path / "base.db", parts_of(shipper.folder, base)) == 60


async def test_a_base_taken_under_a_reader_still_fits_its_parts(house, shipper, tmp_path):
    await write(house, 10)
    async with house.transaction(write=False) as session:
        await session.scalar(text("SELECT count(*) FROM t"))
        await write(house, 10)
        base = await copy_base(shipper, tmp_path / "base.db")
    await write(house, 10)
    await shipper.ship()

    assert base.first_segment == base.state.segment
    assert restored(tmp_path / "base.db", parts_of(shipper.folder, base)) == 30


async def test_the_base_is_of_one_moment_while_everybody_writes(house, shipper, tmp_path):
    """Under load every unit acknowledged before the copy began is in it."""
    acknowledged, running, enough = 0, True, asyncio.Event()

    async def client():
        nonlocal acknowledged
        while running:
            await write(house)
            acknowledged += 1
            if acknowledged == 200:
                enough.set()

    clients = [asyncio.create_task(client()) for _ in range(16)]
    await enough.wait()
    before = acknowledged
    async with shipper.base() as base:
        at_rest = acknowledged
        content = b""
        for start in range(0, base.size, 1 << 16):  # slowly, as a throttled copy does
            content += os.pread(base.descriptor, 1 << 16, start)
            await asyncio.sleep(0.005)
            await shipper.ship()
        meanwhile = acknowledged - at_rest
    (tmp_path / "base.db").write_bytes(content)
    running = False
    await asyncio.gather(*clients)
    await shipper.ship()

    parts = parts_of(shipper.folder, base)
    assert restored(tmp_path / "base.db", []) >= before
    assert restored(tmp_path / "base.db", parts) == acknowledged
    assert meanwhile > 0, "nobody could write while the base was copied"


async def test_closing_and_opening_again_goes_on_in_the_same_timeline(tmp_path):
    timelines = []
    for turn in range(3):
        house = await opened(tmp_path)
        shipper = LogShipper(house, tmp_path / "log", KEYS, HeldClock())
        await shipper.attach()
        if turn == 0:
            base = await copy_base(shipper, tmp_path / "base.db")
            await shipper.based(base.state.timeline)
        await write(house, 10)
        timelines.append(shipper.position.timeline)
        assert shipper.needs_base is False
        if turn == 1:
            await shipper.close()
        await house.close()  # which ships what was written after the last ship

    assert len(set(timelines)) == 1
    assert restored(tmp_path / "base.db", parts_of(tmp_path / "log", base)) == 30


async def test_a_change_made_without_us_begins_a_new_timeline(tmp_path):
    """Somebody opened the database by hand: what they did is in no part, so a new base is due."""
    house = await opened(tmp_path)
    shipper = LogShipper(house, tmp_path / "log", KEYS, HeldClock())
    await shipper.attach()
    before = shipper.position.timeline
    await shipper.based(before)
    await shipper.close()
    await house.close()
    house = await opened(tmp_path)
    await write(house)
    await house.close()

    house = await opened(tmp_path)
    shipper = LogShipper(house, tmp_path / "log", KEYS, HeldClock())
    await shipper.attach()
    assert shipper.position.timeline != before
    assert shipper.needs_base
    await shipper.close()
    await house.close()


async def test_a_writer_that_reopens_the_file_does_not_tidy_the_log_away(house, shipper, tmp_path):
    """After a failed COMMIT the writer opens the file anew; its log must survive that."""
    base = await copy_base(shipper, tmp_path / "base.db")
    await write(house, 10)
    writer = house._writer
    await writer._in_thread(writer._give_up)
    await write(house, 10)
    await shipper.ship()

    assert shipper.position.timeline == base.state.timeline
    assert restored(tmp_path / "base.db", parts_of(shipper.folder, base)) == 20


async def test_a_missing_a_damaged_and_a_foreign_part_are_found(house, shipper, tmp_path):
    base = await copy_base(shipper, tmp_path / "base.db")
    for _ in range(4):
        await write(house, 5)
        await shipper.ship()
    paths = sorted(shipper.folder.glob("*.wal"))
    parts = parts_of(shipper.folder, base)

    for gone in range(len(parts) - 1):
        rest = parts[:gone] + parts[gone + 1 :]
        assert code_of(chain, rest, base.state.mac) == "log_part_missing"
    for place in (3, 200, 5000, len(paths[1].read_bytes()) - 1):
        damaged = bytearray(paths[1].read_bytes())
        damaged[place] ^= 1
        copy = tmp_path / paths[1].name
        copy.write_bytes(damaged)
        assert code_of(Part.read, copy, KEYS) == "log_part_damaged"
    renamed = tmp_path / paths[2].name
    renamed.write_bytes(paths[1].read_bytes())
    assert code_of(Part.read, renamed, KEYS) == "log_part_damaged"
    assert code_of(Part.read, paths[1], Keys(bytes(32))) == "log_part_damaged"


async def test_parts_of_another_database_do_not_play(house, shipper, tmp_path):
    base = await copy_base(shipper, tmp_path / "base.db")
    await write(house, 5)
    await shipper.ship()
    other = SqliteFile(tmp_path / "other.db", bytes(32))
    connection = other.connect()
    connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, x BLOB)")
    connection.close()

    with pytest.raises(Exception, match=r"malformed|log_part_damaged|not a database|hmac"):
        restored(tmp_path / "other.db", parts_of(shipper.folder, base), key=bytes(32))


async def test_an_archive_that_cannot_be_written_keeps_the_log(house, shipper, tmp_path):
    """What could not be shipped goes with the next ship."""
    base = await copy_base(shipper, tmp_path / "base.db")
    await write(house, 5)
    hidden = shipper.folder.rename(tmp_path / "away")
    with pytest.raises(Unavailable) as refusal:
        await shipper.ship()
    assert refusal.value.code == "disk_failed"
    await write(house, 5)
    hidden.rename(shipper.folder)
    await shipper.ship()

    assert restored(tmp_path / "base.db", parts_of(shipper.folder, base)) == 10


async def test_four_megabytes_are_shipped_at_once_by_the_running_shipper(house, shipper):
    running = asyncio.create_task(shipper.run())
    await write(house, 6, size=900_000)
    async with asyncio.timeout(20):
        while shipper._log_size():
            await asyncio.sleep(0.05)
    running.cancel()
    assert list(shipper.folder.glob("*.wal"))
