"""The same copy and the same restore for a house whose data lies in PostgreSQL."""

import asyncio
import contextlib
import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import delete, text

from data.database import Database
from data.errors import DomainError
from data.files import FileStore
from data.keyring import KeyFile, Keyring, Share
from data.stored_file import KeptFile
from integrations.folder import FolderTarget
from jobs.backup import Backup
from jobs.backup_archive import NIGHTS, Archive, weighed
from jobs.backup_drill import Drill
from jobs.backup_restore import Restore, Wanted
from jobs.upgrade import UpgradeCopies
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


def left(server) -> int:
    """Count what lies in the database of the restore: tables, what belongs to them, functions."""
    command = [str(server.programs / "psql"), "-h", str(server.folder), "-U", "postgres", "-XAtq"]
    counting = (
        "SELECT (SELECT count(*) FROM pg_class WHERE relnamespace = home.oid)"
        " + (SELECT count(*) FROM pg_proc WHERE pronamespace = home.oid)"
        " FROM pg_namespace home WHERE nspname = 'public'"
    )
    said = subprocess.run(
        [*command, "-d", "risen", "-c", counting], check=True, capture_output=True, text=True
    )
    return int(said.stdout)


async def test_a_damaged_dump_leaves_the_database_empty(
    house, tmp_path, empty, clock, scratch_postgresql
):
    await house.backup.run()
    [path] = house.copies.glob("nights/*/base")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    settings = Settings(home=tmp_path / "new", database_url=empty)
    with pytest.raises(DomainError) as refusal:
        await Restore(house.target, settings, clock).run(Wanted(house.share))
    assert refusal.value.code == "backup_damaged"
    assert left(scratch_postgresql.server) == 0


async def test_what_fails_after_the_dump_was_played_is_taken_back_with_it(
    house, tmp_path, empty, clock, scratch_postgresql
):
    """Red before: the database stayed full, and the second try was refused."""
    letter = await keep(house, b"letter" * 1000)
    await house.backup.run()
    [path] = house.copies.glob("files/*/*")
    content = path.read_bytes()
    path.write_bytes(content[:-1])
    settings = Settings(home=tmp_path / "new", database_url=empty)
    restore = Restore(house.target, settings, clock)
    assert await code_of(restore.run(Wanted(house.share))) == "backup_damaged"
    assert left(scratch_postgresql.server) == 0
    assert not settings.home.exists()

    path.write_bytes(content)
    await restore.run(Wanted(house.share))
    again = await risen(settings.home, empty, clock)
    assert await again.content(letter) == b"letter" * 1000
    await again.clinic.database.close()


async def test_what_lay_in_an_empty_database_before_is_left_there(
    house, tmp_path, empty, clock, scratch_postgresql
):
    """Its administrator may have put functions or extensions there."""
    await keep(house, b"letter" * 1000)
    await house.backup.run()
    [path] = house.copies.glob("files/*/*")
    path.write_bytes(path.read_bytes()[:-1])
    database = await Database(empty).open()
    async with database.transaction(write=True) as session:
        await session.execute(text("CREATE FUNCTION own() RETURNS int AS 'SELECT 7' LANGUAGE sql"))
        await session.execute(text("CREATE SEQUENCE counting"))
    await database.close()
    settings = Settings(home=tmp_path / "new", database_url=empty)
    restore = Restore(house.target, settings, clock)
    assert await code_of(restore.run(Wanted(house.share))) == "backup_damaged"
    assert left(scratch_postgresql.server) == 2


async def test_a_seal_that_breaks_while_the_dump_is_played_leaves_the_database_empty(
    house, tmp_path, empty, clock, scratch_postgresql
):
    """All or nothing: PostgreSQL has taken the first part by then."""
    random = "SELECT md5(random()::text) AS line FROM generate_series(1, 100000)"
    async with house.clinic.database.transaction(write=True) as session:
        await session.execute(text(f"CREATE TABLE account_book AS {random}"))  # megabytes
    await house.backup.run()
    [path] = house.copies.glob("nights/*/base")
    content = bytearray(path.read_bytes())
    content[-10] ^= 1
    path.write_bytes(content)
    work = tmp_path / "reading"
    work.mkdir()
    pieces = (await Archive(house.target, work).latest()).open(house.clinic.keys).pieces
    told = tuple(weighed(path, "base") if each.name == "base" else each for each in pieces)
    await as_if_it_held(house, pieces=told)
    settings = Settings(home=tmp_path / "new", database_url=empty)
    restore = Restore(house.target, settings, clock)
    assert await code_of(restore.run(Wanted(house.share))) == "file_damaged"
    assert left(scratch_postgresql.server) == 0


async def as_if_it_held(house, **other) -> None:
    """Seal the night's manifest anew, with other numbers than the dump has."""
    work = house.copies.parent / "reading"
    work.mkdir(exist_ok=True)
    archive = Archive(house.target, work)
    envelope = await archive.latest()
    manifest = replace(envelope.open(house.clinic.keys), **other)
    content = manifest.sealed(house.clinic.keys, house.backup.keyring.wrapped())
    (house.copies / NIGHTS / envelope.night / "manifest").write_bytes(content)


@pytest.mark.parametrize("other", [{"counts": {"site": 7}}, {"audit_mac": "0" * 64}], ids=str)
async def test_a_dump_that_does_not_hold_what_was_counted_is_refused(
    house, tmp_path, empty, clock, scratch_postgresql, other
):
    """S-BCK-2. Red before: it was restored, and the drill found it good."""
    await house.backup.run()
    await as_if_it_held(house, **other)
    settings = Settings(home=tmp_path / "new", database_url=empty)
    restore = Restore(house.target, settings, clock)
    assert await code_of(restore.run(Wanted(house.share))) == "backup_damaged"
    assert left(scratch_postgresql.server) == 0
    drilled = await Drill(house.backup).run()
    assert (drilled.ok, drilled.code) == (False, "backup_damaged")


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


async def test_files_that_only_a_copy_of_before_an_upgrade_names_stay(house, clock):
    """Red before: whoever brought the copy back into an empty database missed them."""
    await keep(house, b"a letter")
    copy = await UpgradeCopies(house.clinic.settings, house.clinic.keys).make(
        house.clinic.database, "0003", clock.now()
    )
    async with house.clinic.database.transaction(write=True) as session:
        await session.execute(delete(KeptFile))
    [path] = house.clinic.settings.files.glob("??/*")
    os.utime(path, (0, 0))
    assert await house.backup.sweep() == 0
    copy.unlink()
    assert await house.backup.sweep() == 1


async def test_a_copy_of_one_kind_is_not_restored_as_the_other(house, tmp_path, clock):
    await house.backup.run()
    settings = Settings(home=tmp_path / "new")
    restore = Restore(house.target, settings, clock)
    assert await code_of(restore.run(Wanted(house.share))) == "backup_other_database"
    assert not settings.home.exists()
