"""A copy can be brought back: with the paper alone, to any moment, and never half."""

import random
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from data.keyring import KeyFile, Keyring, Share
from data.stored_file import KeptFile
from jobs.backup_archive import Archive
from jobs.backup_drill import verify
from jobs.backup_restore import Restore, Wanted
from services.policy import HOUSE
from services.settings import Settings
from tests.jobs.living import (
    NOWHERE,
    add_sites,
    code_of,
    everything,
    keep,
    restoring,
    risen,
    sites,
)


async def test_a_wiped_disk_comes_back_from_the_copy_and_the_paper_alone(house, tmp_path, clock):
    """S-BCK-1, R-BCK: then the audit trail verifies and the files can be read."""
    await add_sites(house.clinic, 30)
    letter = await keep(house, b"letter" * 50_000)
    await house.backup.run()
    await add_sites(house.clinic, 12)
    late = await keep(house, b"after the night" * 9000)
    await house.clinic.audit.anchor(HOUSE)
    await house.backup.shipper.ship()
    await house.backup.courier.carry()

    home = tmp_path / "new"
    restored = await restoring(house, home).run(Wanted(Share.read(house.share.text.lower())))

    again = await risen(home, clock)
    assert await sites(again.clinic.database) == 42
    assert await again.content(letter) == b"letter" * 50_000
    assert await again.content(late) == b"after the night" * 9000
    verdict = await again.clinic.audit.verify(HOUSE)
    assert verdict.whole
    assert verdict.entries > 0
    assert (home / "xinglin.toml").read_text() == 'timezone = "Asia/Shanghai"\n'
    assert Keyring(home / "master.key", NOWHERE).verify(house.share.text).masters
    assert restored.files_missing == ()
    assert not list(home.glob("work-*"))
    await again.clinic.database.close()


async def test_a_moment_is_brought_back_as_it_was(house, tmp_path, clock):
    """Point in time: nothing that was committed later, everything that was shipped before."""
    await add_sites(house.clinic, 5)
    await house.backup.run()
    moments = []
    for _ in range(4):
        clock.forward(minutes=10)
        await add_sites(house.clinic, 7)
        await house.backup.shipper.ship()
        moments.append((clock.now(), await sites(house.clinic.database)))
    await house.backup.courier.carry()

    for number, (moment, count) in enumerate(moments):
        home = tmp_path / f"at-{number}"
        until = (moment + timedelta(minutes=1)).astimezone(ZoneInfo("Asia/Shanghai"))
        wanted = Wanted(house.share, until=until)
        await restoring(house, home).run(wanted)
        again = await risen(home, clock)
        assert await sites(again.clinic.database) == count
        await again.clinic.database.close()
    early = Wanted(house.share, until=moments[0][0] - timedelta(days=1))
    assert await code_of(restoring(house, tmp_path / "x").run(early)) == "backup_none"


async def test_a_shredded_file_is_gone_from_every_night(house, tmp_path, clock):
    """Crypto-shredding reaches the copies: also an older night does not bring it back."""
    secret = await keep(house, b"destroy me" * 1000)
    stays = await keep(house, b"stays" * 1000)
    await house.backup.run()
    clock.forward(days=1)
    async with house.clinic.database.transaction(write=True) as session:
        row = await session.get(KeptFile, secret)
        blob = await house.backup.store.shred(session, row, clock.now())
    await house.backup.store.remove(blob)
    await house.backup.run()

    assert not list(house.copies.rglob(f"files/*/{blob}"))
    [first, _] = await Archive(house.target, tmp_path).nights()
    home = tmp_path / "old"
    await restoring(house, home).run(Wanted(house.share, night=first))
    again = await risen(home, clock)
    assert await again.content(stays) == b"stays" * 1000
    assert await code_of(again.content(secret)) == "file_shredded"
    await again.clinic.database.close()


async def test_a_living_house_is_never_overwritten(house, settings):
    await house.backup.run()
    before = everything(settings.home)
    assert await code_of(restoring(house, settings.home).run(Wanted(house.share))) == (
        "home_not_empty"
    )
    assert everything(settings.home) == before


async def test_a_wrong_share_restores_nothing_and_leaves_nothing(house, tmp_path):
    await house.backup.run()
    home = tmp_path / "new"
    assert await code_of(restoring(house, home).run(Wanted(Share.new()))) == "recovery_share_wrong"
    stranger = KeyFile.new()
    assert await code_of(restoring(house, home).run(Wanted(stranger))) == "backup_damaged"
    assert not home.exists()


@pytest.mark.parametrize("name", ["base", "papers", "blobs", "manifest", "log", "files"])
async def test_a_damaged_copy_is_found_and_nothing_is_put_in_place(house, tmp_path, name):
    """Bad input: a damaged archive; every kind of thing in it."""
    await keep(house, b"file" * 30_000)
    await house.backup.run()
    await add_sites(house.clinic, 3)
    await house.backup.shipper.ship()
    await house.backup.courier.carry()
    pattern = {"log": "log/*", "files": "files/*/*"}.get(name, f"nights/*/{name}")
    path = max(house.copies.glob(pattern))
    content = bytearray(path.read_bytes())
    if name == "files":
        del content[-1]  # within, a change shows when it is read: drill and reader find it
    else:
        content[len(content) // 2] ^= 4
    path.write_bytes(content)

    home = tmp_path / "new"
    if name == "blobs":  # the list is for checking; what is restored the database knows
        code = await code_of(verify(house.target, house.backup.keyring.load(), tmp_path))
    else:
        code = await code_of(restoring(house, home).run(Wanted(house.share)))
    assert code in {"backup_damaged", "log_part_damaged"}
    assert not home.exists()


async def test_every_random_flip_in_a_base_is_found(house, tmp_path):
    await add_sites(house.clinic, 20)
    await house.backup.run()
    [path] = house.copies.glob("nights/*/base")
    whole = path.read_bytes()
    chance = random.Random(5)
    for _ in range(12):
        damaged = bytearray(whole)
        damaged[chance.randrange(len(whole))] ^= 1 << chance.randrange(8)
        path.write_bytes(damaged)
        assert await code_of(restoring(house, tmp_path / "n").run(Wanted(house.share))) == (
            "backup_damaged"
        )


async def test_a_missing_part_of_the_log_is_found_and_what_came_before_can_be_had(
    house, tmp_path, clock
):
    await house.backup.run()
    for _ in range(4):
        clock.forward(minutes=1)
        await add_sites(house.clinic, 2)
        await house.backup.shipper.ship()
    await house.backup.courier.carry()
    parts = sorted((house.copies / "log").iterdir())
    parts[-2].unlink()

    home = tmp_path / "new"
    assert await code_of(restoring(house, home).run(Wanted(house.share))) == "log_part_missing"
    until = clock.now() - timedelta(seconds=90)
    await restoring(house, home).run(Wanted(house.share, until=until))
    again = await risen(home, clock)
    assert await sites(again.clinic.database) == 4
    await again.clinic.database.close()


async def test_a_copy_of_a_file_is_not_restored_where_a_server_is_set(house, tmp_path, clock):
    """Red before: it was laid down as a file, and the server's empty database opened."""
    await house.backup.run()
    url = "postgresql+asyncpg://xinglin@db.example/xinglin"
    restore = Restore(house.target, Settings(home=tmp_path / "new", database_url=url), clock)
    assert await code_of(restore.run(Wanted(house.share))) == "backup_other_database"
    assert not (tmp_path / "new").exists()
