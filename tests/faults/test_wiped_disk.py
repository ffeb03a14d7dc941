"""The disk is gone. What is left: another machine with the copies, and a sheet of paper.

R041, S-BCK-1: the copy brings back what the disk lost.
"""

import shutil
from uuid import UUID

import pytest

from data.crypto import Keys
from data.database import Database
from data.errors import DomainError
from data.keyring import Keyring, Share
from integrations.backup_targets import chosen
from jobs.backup import Backup
from jobs.backup_restore import Restore, Restored, Wanted
from services.clinic import Clinic
from services.policy import HOUSE
from services.settings import BackupSettings, Settings
from tests.jobs.living import NOWHERE, House, add_sites, keep, risen, sites
from tests.peers import need
from tests.peers_sftp import private_sshd
from tests.services.test_trail import found


@pytest.fixture
def server(tmp_path):
    need("ssh-keygen")
    need("sshd")
    with private_sshd(tmp_path / "sshd") as server:
        yield server


def reached(server, home, **more) -> Settings:
    backup = BackupSettings(
        target=server.url, ssh_key=server.key, ssh_known_hosts=server.known_hosts, **more
    )
    return Settings(home=home, backup=backup)


async def restore(settings: Settings, clock, paper, home=None) -> Restored:
    target = chosen(settings)
    try:
        where = Settings(home=home) if home else settings
        return await Restore(target, where, clock).run(Wanted(paper))
    finally:
        await target.close()


async def lives_and_dies(server, home, clock) -> tuple[str, int, dict[UUID, bytes]]:
    """A house that worked, copied itself, worked on, and lost its disk; return its paper."""
    home.mkdir()
    settings = reached(server, home)
    ring = Keyring(settings.key_file, NOWHERE)
    file, share = ring.create()
    keys = file.keys()
    database = await Database(settings.database, keys.key("db")).open()
    await database.create_tables()
    clinic = Clinic.open(database, clock, keys, settings)
    backup = Backup(clinic, chosen(settings), ring)
    await backup.open()
    await found(clinic)
    house = House(clinic, backup, share, server.root)
    letters = {await keep(house, bytes([n]) * 90_000): bytes([n]) * 90_000 for n in range(6)}
    await add_sites(clinic, 10)
    await backup.run()
    await add_sites(clinic, 25)
    letters[await keep(house, b"of the last minute")] = b"of the last minute"
    await clinic.audit.anchor(HOUSE)
    await backup.shipper.ship()
    await backup.courier.carry()
    count = await sites(database)
    shutil.rmtree(home)  # the disk is lost; what follows only lets descriptors go
    backup.shipper._let_go()
    await backup.target.close()
    await database.close()
    return share.text, count, letters


async def test_a_wiped_disk_is_restored_over_sftp_from_paper_alone(server, tmp_path, clock):
    """R-BCK, S-BCK-1: RPO is the last ship; then the audit verifies and every file is read."""
    typed, count, letters = await lives_and_dies(server, tmp_path / "home", clock)
    new = tmp_path / "new"
    settings = reached(server, new)

    restored = await restore(settings, clock, Share.read(typed))

    again = await risen(new, clock)
    assert await sites(again.clinic.database) == count == 35
    for key, content in letters.items():
        assert await again.content(key) == content
    assert (await again.clinic.audit.verify(HOUSE)).whole
    assert restored.files == len(letters)
    # And the house goes on: its next copy goes to the same place, and can be restored again.
    backup = Backup(again.clinic, chosen(settings), Keyring(settings.key_file, NOWHERE))
    await backup.open()
    await add_sites(again.clinic, 1)
    await backup.run()
    await backup.close()
    await again.clinic.database.close()
    third = await restore(settings, clock, Share.read(typed), tmp_path / "third")
    assert third.manifest.counts["site"] == 36


async def test_a_backup_host_that_is_away_costs_a_sentence_and_nothing_else(
    server, tmp_path, clock
):
    """Bad input: an unreachable SFTP host, while backing up and while restoring."""
    typed, count, _ = await lives_and_dies(server, tmp_path / "home", clock)
    new = tmp_path / "new"
    settings = reached(server, new)
    server.stop()
    with pytest.raises(DomainError) as refusal:
        await restore(settings, clock, Share.read(typed))
    assert refusal.value.code == "backup_target_unreachable"
    assert not new.exists()

    server.start()
    await restore(settings, clock, Share.read(typed))
    again = await risen(new, clock)
    assert await sites(again.clinic.database) == count
    await again.clinic.database.close()


async def test_a_key_that_was_saved_restores_as_well(server, tmp_path, clock):
    typed, _, _ = await lives_and_dies(server, tmp_path / "home", clock)
    settings = reached(server, tmp_path / "first")
    restored = await restore(settings, clock, Share.read(typed))
    again = reached(server, tmp_path / "second")

    await restore(again, clock, restored.key_file)
    saved = Keyring(again.key_file, NOWHERE).load()
    assert saved == restored.key_file
    assert isinstance(saved.keys(), Keys)
