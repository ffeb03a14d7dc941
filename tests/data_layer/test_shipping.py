"""What was committed is in the archive within seconds, once, and comes back to any commit."""

import asyncio
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text

from data.crypto import Keys
from data.database import Database
from data.errors import DomainError, Unavailable
from data.log_parts import Part, Position, chain, commits, play
from data.shipping import LogShipper
from data.sqlite_file import SqliteFile
from tests.conftest import MASTER, HeldClock
from tests.peers import ROOT, need, need_root

KEYS = Keys(MASTER)


@pytest.fixture
async def house(tmp_path):
    house = await opened(tmp_path)
    yield house
    await house.close()


async def opened(folder: Path) -> Database:
    house = await Database(f"sqlite:///{folder}/live.db", KEYS.key("db")).open()
    async with house.transaction(write=True) as session:
        await session.execute(text("CREATE TABLE IF NOT EXISTS t (id INTEGER PRIMARY KEY, x BLOB)"))
    return house


@pytest.fixture
async def shipper(house, tmp_path):
    shipper = LogShipper(house, tmp_path / "log", KEYS, HeldClock())
    await shipper.attach()
    yield shipper
    await shipper.close()


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


async def test_a_full_disk_stops_no_shipper_and_loses_nothing(tmp_path):
    """Bad input: a full disk. The archive is on another one and has all that was acknowledged."""
    need_root()
    place = tmp_path / "small"
    place.mkdir()
    mounting = await asyncio.create_subprocess_exec(
        str(need("mount")), "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(place)
    )
    if await mounting.wait():
        pytest.skip("A file system of our own cannot be mounted here.")
    house = await opened(place)
    shipper = LogShipper(house, tmp_path / "log", KEYS, HeldClock())
    await shipper.attach()
    try:
        base = await copy_base(shipper, tmp_path / "base.db")
        written = 0
        with pytest.raises(Unavailable) as refusal:
            for _ in range(100):
                await write(house, 1, size=60_000)
                written += 1
        assert refusal.value.code == "disk_full"
        with pytest.raises(Unavailable) as refusal:  # no room to move the log into the file
            await shipper.ship()
        assert refusal.value.code == "disk_full"
        count = restored(tmp_path / "base.db", parts_of(shipper.folder, base))
        assert count == written > 5
        await run("mount", "-o", "remount,size=20m", str(place))
        await write(house, 3)
        await shipper.ship()
        assert shipper.position.timeline == base.state.timeline
        assert restored(tmp_path / "base.db", parts_of(shipper.folder, base)) == written + 3
    finally:
        await house.close()
        await run("umount", str(place))


async def run(*command: str) -> None:
    assert not await (await asyncio.create_subprocess_exec(*command)).wait()


async def test_four_megabytes_are_shipped_at_once_by_the_running_shipper(house, shipper):
    running = asyncio.create_task(shipper.run())
    await write(house, 6, size=900_000)
    async with asyncio.timeout(20):
        while shipper._log_size():
            await asyncio.sleep(0.05)
    running.cancel()
    assert list(shipper.folder.glob("*.wal"))


def child(folder: Path, die_at: int = 0) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.data_layer.shipping_child", str(folder), str(die_at)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )


async def after_the_crash(folder: Path) -> tuple[int, int]:
    """Start again, ship what is there; return rows alive and rows restored from the archive."""
    house = await opened(folder)
    shipper = LogShipper(house, folder / "log", KEYS, HeldClock())
    await shipper.attach()
    async with house.transaction(write=False) as session:
        alive = await session.scalar(text("SELECT count(*) FROM t"))
    timeline, first, *mac = (folder / "base.txt").read_text().split()
    assert shipper.position.timeline == timeline, "the crash broke the timeline"
    paths = sorted((folder / "log").glob(f"{timeline}-*.wal"))
    parts = [Part.read(path, KEYS) for path in paths]
    parts = chain([part for part in parts if part.head.segment >= int(first)], "".join(mac))
    count = await asyncio.to_thread(restored, folder / "base.db", parts)
    await shipper.close()
    await house.close()
    return alive, count


async def test_a_crash_at_any_step_of_a_ship_loses_and_doubles_nothing(tmp_path):
    """The process dies before and after each file it writes, of one ship and into the next."""
    first = child(tmp_path)
    while first.stdout.readline().strip() != "3":
        pass
    first.send_signal(signal.SIGKILL)
    first.wait()
    first.stdout.close()
    for die_at in range(1, 10):
        crashed = await asyncio.to_thread(child, tmp_path, die_at)
        said, _ = await asyncio.to_thread(crashed.communicate)
        assert crashed.returncode == 9
        acknowledged = [int(line) for line in said.split() if line.isdigit()]

        alive, count = await after_the_crash(tmp_path)
        assert alive == count
        assert count >= max(acknowledged, default=0)


async def test_a_kill_at_any_moment_loses_nothing_acknowledged(tmp_path):
    chance = random.Random(11)
    for _ in range(3):
        running = child(tmp_path)
        seen = 0
        for _ in range(chance.randrange(5, 60)):
            line = running.stdout.readline().strip()
            seen = int(line) if line.isdigit() else seen
        running.send_signal(signal.SIGKILL)
        rest = running.stdout.read().split()
        running.stdout.close()
        running.wait()
        seen = max([seen, *(int(line) for line in rest if line.isdigit())])

        alive, count = await after_the_crash(tmp_path)
        assert alive == count >= seen
