"""Which copy is the last, what belongs to it, and what one that went bad spoils: nothing else."""

import shutil
from datetime import timedelta

from data.keyring import Share
from jobs.backup_archive import FILES, NIGHTS
from jobs.backup_drill import Drill
from jobs.backup_restore import Wanted
from services.facts import Noted
from tests.jobs.living import add_sites, keep, restoring, risen, sites


async def as_it_was(house, home, clock, **wanted) -> int:
    """Restore; return how many sites there are."""
    done = await restoring(house, home).run(Wanted(Share.read(house.share.text), **wanted))
    again = await risen(home, clock)
    count = await sites(again.clinic.database)
    await again.clinic.close()
    await again.clinic.database.close()
    assert done.files_missing == ()
    return count


async def test_a_night_of_a_clock_that_was_ahead_is_not_the_last_for_ever(house, tmp_path, clock):
    """Bad input: a clock that jumps. What is made later is later, whatever the clock said."""
    clock.forward(days=365)
    await house.backup.run()
    clock.forward(days=-365)
    await add_sites(house.clinic, 10)
    (house.backup.shipper.folder / "state.json").unlink()  # another program had the database
    made = await house.backup.run()

    drilled = await Drill(house.backup).run()
    assert (drilled.ok, drilled.night) == (True, made.night)
    assert await as_it_was(house, tmp_path / "now", clock) == 10
    until = clock.now() + timedelta(minutes=1)
    assert await as_it_was(house, tmp_path / "then", clock, until=until) == 10


async def test_what_happened_while_papers_were_gathered_is_not_in_a_copy_of_before(
    house, tmp_path, clock, monkeypatch
):
    """`--until` a moment before a bad act never brings the act back."""
    await house.backup.run()
    clock.forward(minutes=10)
    before = clock.now()
    take = house.backup._snapshots.take

    async def slowly(work):
        clock.forward(minutes=2)
        await add_sites(house.clinic, 1)  # the act
        clock.forward(minutes=1)
        return await take(work)

    monkeypatch.setattr(house.backup._snapshots, "take", slowly)
    await house.backup.run()
    until = before + timedelta(minutes=1)
    assert await as_it_was(house, tmp_path / "then", clock, until=until) == 0


async def test_files_of_a_night_that_is_kept_stay(house, tmp_path, clock):
    """Also when the house of today knows them no more: it was restored to the day before."""
    await house.backup.run()
    until = clock.now() + timedelta(hours=1)
    clock.forward(hours=12)
    blob = await keep(house, b"letter" * 1000)
    await house.backup.run()
    names = set(await house.backup.target.names(FILES))
    assert names
    home = tmp_path / "yesterday"
    await restoring(house, home).run(Wanted(Share.read(house.share.text), until=until))
    again = await risen(home, clock)
    again_backup = type(house.backup)(again.clinic, house.backup.target, house.backup.keyring)
    await house.backup.close()
    await again_backup.open()
    await again_backup.run()
    assert blob
    assert set(await again_backup.target.names(FILES)) == names
    await again_backup.close()
    await again.clinic.close()
    await again.clinic.database.close()


async def test_the_drill_sees_files_that_are_gone_and_the_next_copy_brings_them(house):
    """As after somebody changed the disk there."""
    await keep(house, b"letter" * 1000)
    await house.backup.run()
    names = await house.backup.target.names(FILES)
    for name in names:
        await house.backup.target.remove(name)
    drilled = await Drill(house.backup).run()
    assert (drilled.ok, drilled.code) == (False, "drill_files_missing")
    await house.backup.run()
    assert await house.backup.target.names(FILES) == names
    assert (await Drill(house.backup).run()).ok


async def test_an_old_night_that_went_bad_spoils_no_new_one(house, clock, caplog):
    await house.backup.run()
    [old] = [name for name in await house.backup.target.names(NIGHTS) if name.endswith("manifest")]
    (house.copies / old).write_text("{}")
    clock.forward(days=1)
    done = await house.backup.run()
    facts = await house.clinic.facts.all()
    assert facts[Noted.BACKUP].value["night"] == done.night
    assert not await house.backup.is_due()
    assert "old copies stay at the target" in caplog.text
    assert (await Drill(house.backup).run()).night == done.night


async def test_a_last_manifest_that_went_bad_leaves_the_earlier_copies_to_go_back_to(
    house, tmp_path, clock
):
    await house.backup.run()
    until = clock.now() + timedelta(minutes=1)
    clock.forward(days=1)
    last = await house.backup.run()
    (house.copies / NIGHTS / last.night / "manifest").write_text("{}")
    assert await as_it_was(house, tmp_path / "then", clock, until=until) == 0


async def test_what_somebody_else_laid_beside_the_nights_is_left_alone(house, clock):
    await house.backup.run()
    [name] = [each.name for each in (house.copies / NIGHTS).iterdir()]
    shutil.copytree(house.copies / NIGHTS / name, house.copies / NIGHTS / "old-copy")
    for _ in range(2):
        clock.forward(days=1)
        await house.backup.run()
    assert (house.copies / NIGHTS / "old-copy" / "manifest").is_file()
    assert (await Drill(house.backup).run()).ok


async def test_a_drill_of_another_copy_than_the_last_is_no_drill(house, clock):
    await house.backup.run()
    clock.forward(days=1)
    last = await house.backup.run()
    shutil.rmtree(house.copies / NIGHTS / last.night)
    drilled = await Drill(house.backup).run()
    assert (drilled.ok, drilled.code) == (False, "drill_other_night")
