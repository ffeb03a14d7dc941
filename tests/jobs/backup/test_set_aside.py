"""Files stay for a database that an upgrade has copied or set aside, as long as it lies there."""

import os
import shutil
from datetime import timedelta

import pytest
from sqlalchemy import delete, select

from data.errors import Invalid
from data.keyring import KeyFile
from data.stored_file import KeptFile
from jobs.backup import Backup
from jobs.backup_aside import FOLDER, still_named
from jobs.upgrade import UpgradeCopies
from tests.conftest import MASTER
from tests.jobs.living import keep, risen


async def back_again(house, copy, clock):
    """Have `migrate --back` exchange the database, and open the house anew; also what it set by."""
    settings, keys = house.clinic.settings, house.clinic.keys
    await house.backup.close()
    await house.clinic.close()
    await house.clinic.database.close()
    aside = await UpgradeCopies(settings, keys).bring_back(copy, clock.now())
    again = await risen(settings.home, clock)
    backup = Backup(again.clinic, house.target, house.backup.keyring)
    await backup.open()
    return again, backup, aside


def aged(backup, clock) -> None:
    """Let all files be older than what may be about to get a row."""
    moment = (clock.now() - timedelta(days=2)).timestamp()
    for path in backup.store.folder.glob("??/*"):
        os.utime(path, (moment, moment))


async def closed(again, backup) -> None:
    await backup.close()
    await again.clinic.close()
    await again.clinic.database.close()


async def copied(house, clock):
    copies = UpgradeCopies(house.clinic.settings, house.clinic.keys)
    return await copies.make(house.clinic.database, "0003", clock.now())


async def test_files_of_a_database_that_was_set_aside_stay_as_long_as_it_does(house, clock):
    """Red before: after the way back, there was no way forth with all files any more."""
    copy = await copied(house, clock)
    await keep(house, b"a letter of after the upgrade")
    [blob] = await house.backup.store.blobs()
    again, backup, aside = await back_again(house, copy, clock)
    aged(backup, clock)

    assert await backup.sweep() == 0
    assert await backup.store.blobs() == [blob]

    for path in (aside, *aside.parent.glob(f"{aside.name}-*")):
        path.unlink()
    assert await backup.sweep() == 1
    await closed(again, backup)


async def test_files_that_only_the_copy_of_before_names_stay(house, clock):
    """Unless somebody has shredded them since."""
    await keep(house, b"a draft")
    await keep(house, b"a secret")
    await copied(house, clock)
    async with house.clinic.database.transaction(write=True) as session:
        rows = list(await session.scalars(select(KeptFile).order_by(KeptFile.size)))
        draft, secret = (row.blob for row in rows)
        await session.execute(delete(KeptFile).where(KeptFile.blob == draft))
        rows[1].wrapped_key, rows[1].shredded_at = None, clock.now()
    aged(house.backup, clock)

    assert await house.backup.sweep() == 1
    assert await house.backup.store.blobs() == [draft]
    rotated = KeyFile(((1, MASTER),)).rotated().keys()
    assert still_named(house.clinic.settings.home, rotated) == {draft, secret}


async def test_a_copy_that_cannot_be_read_lets_nothing_go(house, clock):
    copy = await copied(house, clock)
    copy.write_bytes(b"rotten" * 4096)
    await keep(house, b"a letter")
    async with house.clinic.database.transaction(write=True) as session:
        await session.execute(delete(KeptFile))
    aged(house.backup, clock)
    with pytest.raises(Invalid, match="upgrade_copy_unreadable"):
        await house.backup.sweep()
    assert len(await house.backup.store.blobs()) == 1


async def test_a_copy_that_cannot_be_opened_is_said_as_one(house, clock):
    """Red before: the driver's own error came out of the nightly job."""
    copy = await copied(house, clock)
    copy.unlink()
    copy.mkdir()
    with pytest.raises(Invalid, match="upgrade_copy_unreadable"):
        await house.backup.sweep()


async def test_looking_into_a_copy_changes_nothing_of_it(house, clock):
    copy = await copied(house, clock)
    before = {path.name: path.read_bytes() for path in copy.parent.iterdir()}
    await house.backup.sweep()
    assert {path.name: path.read_bytes() for path in copy.parent.iterdir()} == before


async def test_what_stands_only_in_the_log_of_a_killed_house_is_read_too(house):
    home = house.clinic.settings.home
    await keep(house, b"a letter of just now")
    (home / FOLDER).mkdir(parents=True)
    for end in ("", "-wal"):
        shutil.copyfile(home / f"xinglin.db{end}", home / FOLDER / f"set-aside.db{end}")
    assert still_named(home, house.clinic.keys) == set(await house.backup.store.blobs())
    (home / FOLDER / "set-aside.db-wal").unlink()
    assert still_named(home, house.clinic.keys) == set(), "it stood in the log alone"
