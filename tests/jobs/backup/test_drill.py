"""Whether a copy can be restored is tried every night, not hoped."""

from sqlalchemy import select, text

from data.config import Fact
from jobs.backup_drill import Drill, verify
from tests.jobs.living import add_sites, keep


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
