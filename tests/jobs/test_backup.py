"""Every night a copy of the whole house, which can be brought back; tried, not hoped."""

import asyncio
import random
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select, text

from data.clock import new_id
from data.config import Fact
from data.database import Database
from data.errors import DomainError
from data.files import FileStore, StoredFile
from data.institution import Site
from data.keyring import KeyFile, Keyring, Share
from data.stored_file import KeptFile
from integrations.folder import FolderTarget
from jobs.backup import Backup
from jobs.backup_archive import Archive
from jobs.backup_drill import Drill, verify
from jobs.backup_restore import Restore, Wanted
from services.clinic import Clinic
from services.policy import HOUSE, Role
from services.settings import Settings
from tests.conftest import MASTER
from tests.factories import INSTITUTION, an_actor
from tests.services.test_trail import found

NOWHERE: dict[str, str] = {}


@dataclass(frozen=True)
class Placing:
    owner_id: UUID
    patient_id: UUID | None = None
    site_id: UUID | None = None
    media_type: str = "application/pdf"


@dataclass
class House:
    """A living house, its copies, and the paper."""

    clinic: Clinic
    backup: Backup
    share: Share
    copies: Path

    @property
    def target(self) -> FolderTarget:
        return self.backup.target


@pytest.fixture
def settings(tmp_path, database_url):
    home = tmp_path / "home"
    home.mkdir()
    (tmp_path / "xinglin.db").rename(home / "xinglin.db")
    (home / "xinglin.toml").write_text('timezone = "Asia/Shanghai"\n')
    return Settings(home=home)


@pytest.fixture
async def house(clinic, settings, tmp_path):
    ring = Keyring(settings.key_file, NOWHERE)
    share = Share.new()
    ring.replace(KeyFile(((1, MASTER),)), share)
    backup = Backup(clinic, FolderTarget(tmp_path / "copies", pace=1 << 40), ring)
    await backup.open()
    await found(clinic)
    yield House(clinic, backup, share, tmp_path / "copies")
    await backup.close()


async def add_sites(clinic: Clinic, count: int) -> None:
    for number in range(count):
        async with clinic.database.transaction(write=True) as session:
            now = clinic.clock.now()
            session.add(Site(institution_id=INSTITUTION, name=f"{number}", created_at=now))


async def sites(database: Database) -> int:
    async with database.transaction(write=False) as session:
        return await session.scalar(select(func.count(Site.id)))


async def keep(house: House, content: bytes) -> UUID:
    async def chunks():
        yield content

    stored = await house.backup.store.put(chunks(), INSTITUTION)
    async with house.clinic.database.transaction(write=True) as session:
        row = await house.backup.store.keep(
            session, stored, Placing(new_id()), house.clinic.clock.now()
        )
        return row.id


@dataclass
class Risen:
    """A house that was brought back, opened."""

    clinic: Clinic
    store: FileStore

    async def content(self, key: UUID) -> bytes:
        async with self.clinic.database.transaction(write=False) as session:
            stored = StoredFile.of(await session.get(KeptFile, key))
        return b"".join([piece async for piece in self.store.read(stored)])


async def risen(home: Path, clock) -> Risen:
    settings = Settings(home=home)
    keys = Keyring(settings.key_file, NOWHERE).load().keys()
    database = await Database(settings.database, keys.key("db")).open()
    return Risen(Clinic.open(database, clock, keys, settings), FileStore(settings.files, keys))


def restoring(house: House, home: Path) -> Restore:
    return Restore(house.target, Settings(home=home), house.clinic.clock)


async def code_of(work) -> str:
    with pytest.raises(DomainError) as caught:
        await work
    return caught.value.code


def everything(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


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


async def test_the_drill_restores_and_writes_down_how_it_went(house, clock):
    """S-BCK-2: integrity, audit, counts, files; for the health page."""
    for number in range(25):
        await keep(house, bytes([number]) * 5000)
    await house.backup.run()
    await add_sites(house.clinic, 5)
    await house.backup.shipper.ship()
    await house.backup.courier.carry()

    result = await Drill(house.backup).run()

    assert (result.ok, result.code, result.files_read) == (True, "", 20)
    assert result.audit_entries > 0
    assert result.rows > 30
    async with house.clinic.database.transaction(write=False) as session:
        fact = await session.scalar(select(Fact).where(Fact.key == "backup.drill"))
    assert fact.value["ok"] is True
    assert fact.at == clock.now()
    assert not list(house.clinic.settings.home.glob("work-*"))


async def test_the_drill_finds_a_file_that_rotted_at_the_target(house):
    await keep(house, b"rot" * 30_000)
    await house.backup.run()
    [path] = house.copies.glob("files/*/*")
    content = bytearray(path.read_bytes())
    content[50_000] ^= 1
    path.write_bytes(content)

    result = await Drill(house.backup).run()
    assert (result.ok, result.code) == (False, "file_damaged")


async def test_the_drill_finds_a_trail_that_was_broken_before_the_copy(house):
    await add_sites(house.clinic, 2)
    async with house.clinic.database.transaction(write=True) as session:
        await session.execute(text("DROP TRIGGER audit_entry_no_update"))
        await session.execute(text("UPDATE audit_entry SET purpose = 'x' WHERE seq = 1"))
    await house.backup.run()

    result = await Drill(house.backup).run()
    assert (result.ok, result.code, result.detail) == (False, "drill_audit_broken", {"seq": "1"})


async def test_verifying_tells_how_far_the_copy_reaches(house, tmp_path, clock):
    await house.backup.run()
    clock.forward(minutes=3)
    await add_sites(house.clinic, 2)
    await house.backup.shipper.ship()
    await house.backup.courier.carry()

    key_file = house.backup.keyring.load()
    checked = await verify(house.target, key_file, tmp_path)
    assert checked.reaches == clock.now().isoformat()
    assert (checked.files, checked.files_missing) == (0, 0)


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
