"""Every night a copy of the whole house, somewhere else, which only our keys open."""

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import select

from data.config import Fact
from data.errors import DomainError
from data.institution import Site
from jobs.backup import Backup
from jobs.backup_archive import Archive
from jobs.backup_restore import Wanted
from services.policy import Role
from tests.conftest import MASTER
from tests.factories import INSTITUTION, an_actor
from tests.jobs.living import add_sites, code_of, everything, keep, restoring, risen, sites


async def test_nothing_at_the_target_can_be_read_without_a_key(house):
    async with house.clinic.database.transaction(write=True) as session:
        session.add(
            Site(institution_id=INSTITUTION, name="Plain-Site", created_at=house.clinic.clock.now())
        )
    await keep(house, b"plain-letter" * 100)
    await house.backup.run()
    for content in everything(house.copies).values():
        assert b"Plain-Site" not in content
        assert b"plain-letter" not in content
        assert b"Asia/Shanghai" not in content
        assert MASTER not in content
        assert MASTER.hex().encode() not in content


async def test_a_copy_made_while_everybody_writes_has_all_that_was_acknowledged(
    house, tmp_path, clock
):
    acknowledged, running, enough = 0, True, asyncio.Event()

    async def client():
        nonlocal acknowledged
        while running:
            await add_sites(house.clinic, 1)
            acknowledged += 1
            if acknowledged == 100:
                enough.set()

    clients = [asyncio.create_task(client()) for _ in range(16)]
    await enough.wait()
    before = acknowledged
    done = await house.backup.run()
    after = acknowledged
    running = False
    await asyncio.gather(*clients)

    home = tmp_path / "new"
    night = Wanted(house.share, night=done.night)
    restored = await restoring(house, home).run(night)
    again = await risen(home, clock)
    assert restored.manifest.counts["site"] >= before
    assert await sites(again.clinic.database) >= before
    assert after > before, "nobody could write while the copy was made"
    await again.clinic.database.close()


async def test_only_new_files_are_copied(house):
    for number in range(3):
        await keep(house, bytes([number]) * 1000)
    await house.backup.run()
    stamps = {path: path.stat().st_mtime_ns for path in (house.copies / "files").rglob("??/*")}
    assert len(stamps) == 3
    await keep(house, b"new")
    await house.backup.run()

    now = {path: path.stat().st_mtime_ns for path in (house.copies / "files").rglob("??/*")}
    assert len(now) == 4
    assert {path: now[path] for path in stamps} == stamps


async def test_fourteen_nights_are_kept_and_no_log_that_nobody_can_play(house, clock):
    for _ in range(17):
        await add_sites(house.clinic, 1)
        await house.backup.run()
        clock.forward(days=1)
    nights = sorted(path.name for path in (house.copies / "nights").iterdir())

    assert len(nights) == 14
    assert nights == await Archive(house.target, house.copies).nights()
    first = min(int(path.name.split("-")[1]) for path in (house.copies / "log").iterdir())
    assert first > 1
    await house.backup.shipper.ship()
    await house.backup.courier.carry()
    oldest = Wanted(house.share, night=nights[0])
    await restoring(house, house.copies.parent / "oldest").run(oldest)


async def test_a_target_that_fails_leaves_the_nights_before_and_is_written_down(house):
    """Bad input: a target that is gone."""
    await house.backup.run()
    before = everything(house.copies / "nights")
    real = house.target.root
    house.target.root = real / "nights" / "x" / "\0"  # no such place can be
    with pytest.raises((DomainError, ValueError)):
        await house.backup.run()
    house.target.root = Path("/proc/nowhere")
    assert await code_of(house.backup.run()) in {
        "backup_target_unreachable",
        "backup_target_refuses",
    }
    house.target.root = real
    assert everything(house.copies / "nights") == before
    async with house.clinic.database.transaction(write=False) as session:
        fact = await session.scalar(select(Fact).where(Fact.key == "backup.failed"))
    assert fact.value["code"].startswith("backup_target")
    assert not list(house.clinic.settings.home.glob("work-*"))


async def test_what_is_written_while_the_house_closes_is_carried_at_the_next_start(
    house, tmp_path, clock
):
    """Sessions write down when somebody was last seen, after the backup has been closed."""
    await house.backup.run()
    timeline = house.backup.shipper.position.timeline
    await house.backup.close()
    await add_sites(house.clinic, 4)
    await house.clinic.database.close()

    again = await risen(house.clinic.settings.home, clock)
    backup = Backup(again.clinic, house.target, house.backup.keyring)
    await backup.open()
    assert backup.shipper.position.timeline == timeline
    assert not backup.shipper.needs_base
    await backup.courier.carry()
    home = tmp_path / "new"
    await restoring(house, home).run(Wanted(house.share))
    copy = await risen(home, clock)
    assert await sites(copy.clinic.database) == 4
    await copy.clinic.database.close()
    await backup.close()
    await again.clinic.database.close()


async def test_only_who_may_back_up_does(house):
    assert await code_of(house.backup.run(an_actor(Role.DOCTOR))) == "forbidden"
    done = await house.backup.run(an_actor(Role.SYSTEM_ADMIN))
    assert done.rows > 0
    assert not await house.backup.is_due()


async def test_a_new_house_makes_its_first_copy_by_itself(house):
    serving = asyncio.create_task(house.backup.serve())
    async with asyncio.timeout(20):
        while not list(house.copies.glob("nights/*/manifest")):
            await asyncio.sleep(0.05)
        while await house.backup.is_due():
            await asyncio.sleep(0.05)
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)
    assert not house.backup.shipper.needs_base
