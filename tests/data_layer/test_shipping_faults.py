"""Whatever becomes of disk or process, what was committed is in the archive, once."""

import asyncio
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text

from data.errors import Unavailable
from data.log_parts import Part, chain
from data.shipping import STATE, LogShipper
from tests.conftest import HeldClock
from tests.data_layer.archived import KEYS, copy_base, opened, parts_of, restored, write
from tests.peers import ROOT, need, need_root


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


async def test_a_part_whose_number_could_not_be_noted_is_not_left_to_be_carried(tmp_path):
    """Bad input: a disk that is full just then. The next part has its name, and more in it."""
    house = await opened(tmp_path)
    shipper = LogShipper(house, tmp_path / "log", KEYS, HeldClock())
    await shipper.attach()
    try:
        base = await copy_base(shipper, tmp_path / "base.db")
        await write(house, 2)
        await shipper.ship()
        carried = {path.name: path.read_bytes() for path in shipper.folder.glob("*.wal")}
        state = shipper.folder / STATE
        noted = state.rename(tmp_path / STATE)
        state.mkdir()  # nothing can be put in its place now
        await write(house, 2)
        with pytest.raises(Unavailable, match="disk_failed"):
            await shipper.ship()
        for path in shipper.folder.glob("*.wal"):
            carried.setdefault(path.name, path.read_bytes())
        state.rmdir()
        noted.rename(state)
        await write(house, 2)
        await shipper.ship()
        for path in shipper.folder.glob("*.wal"):
            carried.setdefault(path.name, path.read_bytes())
        far = tmp_path / "far"
        far.mkdir()
        for name, content in carried.items():
            (far / name).write_bytes(content)
        assert restored(tmp_path / "base.db", parts_of(far, base)) == 6
    finally:
        await house.close()


async def run(*command: str) -> None:
    assert not await (await asyncio.create_subprocess_exec(*command)).wait()


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
