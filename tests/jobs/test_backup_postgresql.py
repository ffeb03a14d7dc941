"""The same copy and the same restore for a house whose data lies in PostgreSQL."""

import asyncio
import contextlib
from pathlib import Path

import pytest

from data.database import Database
from data.errors import DomainError
from data.files import FileStore
from data.keyring import KeyFile, Keyring, Share
from integrations.folder import FolderTarget
from jobs.backup import Backup
from jobs.backup_drill import Drill
from jobs.backup_restore import Restore, Wanted
from services.clinic import Clinic
from services.policy import HOUSE
from services.settings import Settings
from tests.conftest import MASTER
from tests.jobs.living import NOWHERE, House, Risen, add_sites, code_of, keep, sites
from tests.services.test_trail import found

pytestmark = pytest.mark.postgresql


@pytest.fixture
async def house(clinic, settings, tmp_path):
    ring = Keyring(settings.key_file, NOWHERE)
    share = Share.new()
    ring.replace(KeyFile(((1, MASTER),)), share)
    backup = Backup(clinic, FolderTarget(tmp_path / "copies"), ring)
    await backup.open()
    await found(clinic)
    yield House(clinic, backup, share, tmp_path / "copies")
    await backup.close()


@pytest.fixture
def empty(scratch_postgresql):
    server = scratch_postgresql.server
    server.sql("CREATE DATABASE risen TEMPLATE template0")
    yield server.url("risen")
    server.sql("DROP DATABASE risen WITH (FORCE)")


async def risen(home: Path, url: str, clock) -> Risen:
    settings = Settings(home=home, database_url=url)
    keys = Keyring(settings.key_file, NOWHERE).load().keys()
    database = await Database(url).open()
    return Risen(Clinic.open(database, clock, keys, settings), FileStore(settings.files, keys))


async def test_a_lost_server_comes_back_from_the_copy_and_the_paper(house, tmp_path, empty, clock):
    letter = await keep(house, b"letter" * 40_000)
    await add_sites(house.clinic, 20)
    done = await house.backup.run()
    await add_sites(house.clinic, 1)  # later than the copy

    settings = Settings(home=tmp_path / "new", database_url=empty)
    restored = await Restore(house.target, settings, clock).run(Wanted(house.share))

    again = await risen(settings.home, empty, clock)
    assert await sites(again.clinic.database) == 20
    assert await again.content(letter) == b"letter" * 40_000
    assert (await again.clinic.audit.verify(HOUSE)).whole
    assert restored.night == done.night
    await again.clinic.database.close()


async def test_the_copy_is_of_one_moment_while_everybody_writes(house, tmp_path, empty, clock):
    """What the manifest counts is what the dump holds: both read the same snapshot."""
    running = True

    async def client():
        while running:
            await add_sites(house.clinic, 1)

    clients = [asyncio.create_task(client()) for _ in range(4)]
    await add_sites(house.clinic, 20)
    await house.backup.run()
    running = False
    await asyncio.gather(*clients)
    settings = Settings(home=tmp_path / "new", database_url=empty)
    restored = await Restore(house.target, settings, clock).run(Wanted(house.share))

    again = await risen(settings.home, empty, clock)
    assert await sites(again.clinic.database) == restored.manifest.counts["site"] >= 20
    await again.clinic.database.close()


async def test_a_database_with_tables_is_never_restored_over(house, tmp_path, clock):
    await house.backup.run()
    settings = Settings(home=tmp_path / "new", database_url=house.clinic.settings.database)
    restore = Restore(house.target, settings, clock)
    assert await code_of(restore.run(Wanted(house.share))) == "database_not_empty"
    assert not settings.home.exists()


async def test_a_damaged_dump_leaves_the_database_empty(house, tmp_path, empty, clock):
    await house.backup.run()
    [path] = house.copies.glob("nights/*/base")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    settings = Settings(home=tmp_path / "new", database_url=empty)
    with pytest.raises(DomainError) as refusal:
        await Restore(house.target, settings, clock).run(Wanted(house.share))
    assert refusal.value.code == "backup_damaged"


async def test_the_drill_restores_into_a_database_of_its_own_and_drops_it(
    house, scratch_postgresql
):
    await keep(house, b"x" * 1000)
    await house.backup.run()

    result = await Drill(house.backup).run()

    assert (result.ok, result.code, result.files_read) == (True, "", 1)
    names = scratch_postgresql.server.sql("SELECT datname FROM pg_database")
    assert "_drill" not in names


async def test_an_account_that_may_make_no_database_is_told_so(house, scratch_postgresql):
    await house.backup.run()
    server = scratch_postgresql.server
    owner = house.clinic.database.url.database
    server.sql("CREATE ROLE plain LOGIN")
    server.sql(f"GRANT ALL ON DATABASE {owner} TO plain")
    plain = Database(str(house.clinic.settings.database).replace("postgres@", "plain@"))
    mine = house.clinic.database.engine
    house.clinic.database.engine = plain.engine
    try:
        async with contextlib.AsyncExitStack() as stack:
            with pytest.raises(DomainError) as refusal:
                await stack.enter_async_context(Drill(house.backup)._empty_database())
    finally:
        house.clinic.database.engine = mine
        await plain.engine.dispose()
        server.sql(f"REVOKE ALL ON DATABASE {owner} FROM plain")
        server.sql("DROP ROLE plain")
    assert refusal.value.code == "drill_without_database"


async def test_no_plain_text_touches_the_disk_on_its_way(house):
    await add_sites(house.clinic, 3)
    await house.backup.run()
    [path] = house.copies.glob("nights/*/base")
    assert b"PGDMP" not in path.read_bytes()
    assert path.read_bytes()[:4] == b"XLF1"
