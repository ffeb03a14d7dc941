"""A new master key takes over everything, however often it is interrupted on the way."""

import asyncio
import multiprocessing
import shutil
from pathlib import Path

import pytest
from sqlalchemy import LargeBinary, select, type_coerce

from data.clock import new_id
from data.crypto import Keys
from data.database import Database
from data.errors import Conflict, DomainError
from data.files import FileStore
from data.keyring import CREDENTIAL, VARIABLE, KeyFile, Keyring, Share
from data.sqlite_file import SqliteFile
from data.stored_file import KeptFile
from data.users import User
from integrations.folder import FolderTarget
from jobs.backup import Backup
from jobs.backup_restore import Restore, Wanted
from jobs.rotation import Rotation, Watch, require_finished, unfinished
from services.clinic import Clinic
from services.policy import HOUSE
from services.settings import Settings
from tests.conftest import MASTER, HeldClock
from tests.factories import INSTITUTION, MONDAY
from tests.jobs.living import NOWHERE, House, Risen, code_of, keep, risen
from tests.jobs.rotation_child import rotate
from tests.services.test_trail import found

PEOPLE = 230  # more than one chunk


def phone(number: int) -> str:
    return f"139{number:08d}"


async def furnish(clinic: Clinic, home: Path) -> House:
    """A house with people, files, a trail and a first copy; stopped again."""
    settings = clinic.settings
    ring = Keyring(settings.key_file, NOWHERE)
    share = Share.new()
    ring.replace(KeyFile(((1, MASTER),)), share)
    backup = Backup(clinic, FolderTarget(home.parent / "copies"), ring)
    await backup.open()
    await found(clinic)
    async with clinic.database.transaction(write=True) as session:
        for number in range(PEOPLE):
            user_id = new_id()
            session.add(
                User(
                    id=user_id,
                    owner_id=user_id,
                    institution_id=INSTITUTION,
                    username=f"user{number}",
                    staff_number=f"{number}",
                    display_name=f"{number}号",
                    phone=phone(number) if number % 10 else None,
                    created_at=MONDAY,
                    woken_at=MONDAY,
                )
            )
    house = House(clinic, backup, share, home.parent / "copies")
    for number in range(3):
        await keep(house, bytes([number]) * 70_000)
    await backup.run()
    await backup.close()
    await clinic.close()
    await clinic.database.close()
    return house


@pytest.fixture
def settings(tmp_path, database_url):
    home = tmp_path / "home"
    home.mkdir()
    if database_url:
        return Settings(home=home, database_url=database_url)
    (tmp_path / "xinglin.db").rename(home / "xinglin.db")
    return Settings(home=home)


@pytest.fixture
async def house(clinic, settings):
    return await furnish(clinic, settings.home)


def rotation(home: Path, watch: Watch | None = None, **database: str) -> Rotation:
    settings = Settings(home=home, **database)
    return Rotation(settings, Keyring(settings.key_file, NOWHERE), HeldClock(), watch)


async def is_under_the_new_key(home: Path, keys: Keys, url: str = "") -> None:
    """Everything opens with the new master alone, but what belongs to the past."""
    only_new = Keys(keys.master, version=2)
    settings = Settings(home=home, database_url=url)
    database = await Database(settings.database, only_new.key("db")).open()
    database.unlock(only_new)
    async with database.transaction(write=False) as session:
        people = (await session.scalars(select(User).order_by(User.created_at))).all()
        assert sorted(p.phone for p in people if p.phone) == [
            phone(n) for n in range(PEOPLE) if n % 10
        ]
        versions = await session.scalars(
            select(type_coerce(User.__table__.c.phone, LargeBinary)).where(User.phone.is_not(None))
        )
        assert {sealed[1] for sealed in versions} == {2}
        assert await session.scalar(select(User.username).where(User.phone_index == phone(17))) == (
            "user17"
        )
        assert {p.version for p in people} == {1}, "a rotation is no change of a person"
        files = (await session.scalars(select(KeptFile))).all()
    await database.close()
    again = Risen(None, FileStore(settings.files, only_new))
    for row in files:
        stored = again.store.path(row.blob)
        assert stored.exists()
        assert row.key_version == 2
        assert row.wrapped_key[1] == 2


async def lives_on(home: Path, clock) -> None:
    """The whole house opens, its trail verifies across the two keys, and its files are read."""
    again = await risen(home, clock)
    async with again.clinic.database.transaction(write=False) as session:
        ids = (await session.scalars(select(KeptFile.id).order_by(KeptFile.created_at))).all()
    assert sorted([len(await again.content(key)) for key in ids]) == [70_000] * 3
    assert (await again.clinic.audit.verify(HOUSE)).whole
    await again.clinic.close()
    await again.clinic.database.close()


async def test_everything_is_under_the_new_key_and_the_paper_is_new(house, settings, clock):
    """S-CRY-2."""
    before = Keyring(settings.key_file, NOWHERE).wrapped()

    rotated = await rotation(settings.home).run()

    ring = Keyring(settings.key_file, NOWHERE)
    file = ring.load()
    assert [version for version, _ in file.masters] == [2, 1]
    assert dict(file.masters)[1] == MASTER
    assert ring.verify(rotated.share.text) == file
    assert house.share.unwrap(before).masters == ((1, MASTER),)
    assert (rotated.fields, rotated.files) == (PEOPLE, 3)
    await is_under_the_new_key(settings.home, file.keys())
    await lives_on(settings.home, clock)
    assert not unfinished(settings)
    assert not list(settings.home.glob("*.rotated*"))


async def test_the_old_key_opens_the_database_no_more(house, settings):
    await rotation(settings.home).run()
    old = Database(settings.database, Keys(MASTER).key("db"))
    assert await code_of(old.open()) == "database_key_wrong"


async def test_an_interruption_before_any_step_is_made_good_by_beginning_again(
    house, settings, clock, tmp_path
):
    """The process is killed before each step in turn; then the same command is given again."""
    died: list[str] = []
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.jobs.rotation_child"])
    for die_at in range(1, 40):
        home = tmp_path / f"home-{die_at}"
        shutil.copytree(settings.home, home)
        words = tmp_path / "last words"
        child = context.Process(target=rotate, args=(home, die_at, words))
        child.start()
        await asyncio.to_thread(child.join)
        if child.exitcode == 0:
            break
        assert child.exitcode == 9
        died.append(words.read_text())
        if died[-1] != "begin":  # before that, nothing has happened
            with pytest.raises(DomainError) as refusal:
                require_finished(Settings(home=home))
            assert refusal.value.code == "rotation_unfinished"

        rotated = await rotation(home).run()

        ring = Keyring(home / "master.key", NOWHERE)
        assert [version for version, _ in ring.load().masters] == [2, 1]
        assert ring.verify(rotated.share.text) == ring.load()
        await is_under_the_new_key(home, ring.load().keys())
        await lives_on(home, clock)
        shutil.rmtree(home)
    assert died[:5] == ["begin", "key file", "export", "name", "fields"]
    assert died[-3:] == ["audit", "share", "note"]
    assert died.count("files") == 2
    assert died.count("fields of user_account") == 2


async def test_a_running_server_is_not_rotated_under_its_feet(house, settings):
    keys = Keyring(settings.key_file, NOWHERE).load().keys()
    server = await Database(settings.database, keys.key("db")).open()
    before = settings.key_file.read_bytes()
    assert await code_of(rotation(settings.home).run()) == "database_in_use"
    await server.close()
    assert settings.key_file.read_bytes() == before
    assert not unfinished(settings)


@pytest.mark.parametrize("source", ["variable", "credential"])
async def test_a_key_from_outside_is_not_rotated_in_a_file_that_nobody_reads(
    house, settings, source, tmp_path
):
    """Red before: the database was left under a key that was written nowhere."""
    (tmp_path / CREDENTIAL).write_text(KeyFile(((1, MASTER),)).text())
    outside = {
        "variable": {VARIABLE: MASTER.hex()},
        "credential": {"CREDENTIALS_DIRECTORY": str(tmp_path)},
    }[source]
    before = settings.key_file.read_bytes()
    rotating = Rotation(settings, Keyring(settings.key_file, outside), HeldClock())

    assert await code_of(rotating.run()) == "master_key_elsewhere"

    assert settings.key_file.read_bytes() == before
    assert not unfinished(settings)
    keys = Keyring(settings.key_file, outside).load().keys()
    await (await Database(settings.database, keys.key("db")).open()).close()


async def test_nothing_is_written_before_the_house_is_ours_alone(house, settings):
    """Else a server that starts at that moment reads a key that is about to change."""
    path = settings.home / "xinglin.db"
    held: dict[str, bool] = {}

    def look(step: str) -> None:
        file = SqliteFile(path)
        try:
            file.take()
        except Conflict:
            held[step] = True
        else:
            held[step] = False
            file.release()

    await rotation(settings.home, watch=look).run()
    assert (held["begin"], held["key file"], held["export"]) == (True, True, True)


async def test_copies_from_before_can_still_be_restored_with_either_paper(
    house, settings, clock, tmp_path
):
    """Old nights open with the old paper, or with the key file that has every version."""
    rotated = await rotation(settings.home).run()
    target = FolderTarget(house.copies)
    old = Restore(target, Settings(home=tmp_path / "old"), clock)
    await old.run(Wanted(house.share))
    assert await code_of(
        Restore(target, Settings(home=tmp_path / "no"), clock).run(Wanted(rotated.share))
    ) == ("recovery_share_wrong")
    key_file = Keyring(settings.key_file, NOWHERE).load()
    await Restore(target, Settings(home=tmp_path / "key"), clock).run(Wanted(key_file))
    await lives_on(tmp_path / "old", clock)


async def test_the_next_copy_is_of_a_new_timeline_and_opens_with_the_new_paper(
    house, settings, clock, tmp_path
):
    rotated = await rotation(settings.home).run()
    again = await risen(settings.home, clock)
    ring = Keyring(settings.key_file, NOWHERE)
    backup = Backup(again.clinic, FolderTarget(house.copies), ring)
    await backup.open()
    assert backup.shipper.needs_base
    clock.forward(days=1)
    await backup.run()
    await backup.close()
    await again.clinic.close()
    await again.clinic.database.close()

    home = tmp_path / "new"
    await Restore(FolderTarget(house.copies), Settings(home=home), clock).run(Wanted(rotated.share))
    await lives_on(home, clock)


async def test_rotating_twice_keeps_every_version(house, settings, clock):
    await rotation(settings.home).run()
    await rotation(settings.home).run()
    file = Keyring(settings.key_file, NOWHERE).load()
    assert [version for version, _ in file.masters] == [3, 2, 1]
    await lives_on(settings.home, clock)


@pytest.mark.postgresql
async def test_the_same_on_postgresql(house, settings, clock):
    url = settings.database
    rotated = await rotation(settings.home, database_url=url).run()
    assert rotated.fields == PEOPLE
    keys = Keyring(settings.key_file, NOWHERE).load().keys()
    await is_under_the_new_key(settings.home, keys, url)


@pytest.mark.postgresql
async def test_a_server_on_another_machine_is_not_rotated_under_its_feet(house, settings):
    """It has no command socket here; only the database knows that it runs."""
    url = settings.database
    server = await Database(url).open()
    before = settings.key_file.read_bytes()
    try:
        assert await code_of(rotation(settings.home, database_url=url).run()) == "database_in_use"
    finally:
        await server.close()
    assert settings.key_file.read_bytes() == before
    assert not unfinished(settings)
