"""What is let go of at the target, and what never: the last copy that is known to be good."""

import pytest

from data.errors import Unavailable
from jobs.backup_archive import NIGHTS, Archive
from jobs.backup_drill import Drill
from jobs.backup_restore import Wanted
from services.facts import Noted
from services.findings import Level
from services.policy import HOUSE
from tests.jobs.living import add_sites, restoring, risen, sites


@pytest.fixture
def settings(settings):
    """Two nights are kept."""
    backup = settings.backup.model_copy(update={"keep": 2})
    return settings.model_copy(update={"backup": backup})


async def nights(house) -> list[str]:
    return await Archive(house.target, house.copies).nights()


async def spoilt(house, clock) -> str:
    """Make a copy that rots at the target before it is tried; return its night."""
    clock.forward(days=1)
    done = await house.backup.run()
    base = house.copies / NIGHTS / done.night / "base"
    content = bytearray(base.read_bytes())
    content[-100] ^= 1
    base.write_bytes(content)
    assert not (await Drill(house.backup).run()).ok
    return done.night


async def test_the_last_copy_that_was_proved_stays_until_a_newer_one_is(house, clock, tmp_path):
    """S-BCK-2. Red before: damaged nights pushed out the only good one."""
    await add_sites(house.clinic, 3)
    proved = (await house.backup.run()).night
    assert (await Drill(house.backup).run()).ok

    bad = [await spoilt(house, clock) for _ in range(4)]
    assert await nights(house) == [proved, *bad[-2:]]

    home = tmp_path / "new"
    await house.backup.shipper.ship()
    await house.backup.courier.carry()
    await restoring(house, home).run(Wanted(house.share, night=proved))
    again = await risen(home, clock)
    assert await sites(again.clinic.database) == 3
    await again.clinic.close()
    await again.clinic.database.close()

    clock.forward(days=1)
    newer = (await house.backup.run()).night
    assert await nights(house) == [proved, bad[-1], newer]
    assert (await Drill(house.backup).run()).ok
    clock.forward(days=1)
    last = (await house.backup.run()).night
    assert await nights(house) == [newer, last]


async def test_a_copy_that_was_restored_is_one_that_was_proved(house, clock, tmp_path):
    """Red before: the house of before knew of no drill since, and its bad nights pushed it out."""
    await house.backup.run()
    done = await restoring(house, tmp_path / "new").run(Wanted(house.share))
    again = await risen(tmp_path / "new", clock)
    assert (await again.clinic.facts.all())[Noted.PROVED].value == {"night": done.night}
    await again.clinic.close()
    await again.clinic.database.close()


async def health(house) -> tuple[Level, str]:
    [found] = [each for each in await house.clinic.health.look(HOUSE) if each.check == "backup"]
    return found.level, found.code


async def test_old_copies_that_cannot_be_let_go_of_are_told_until_they_can(house, clock):
    """Red before: one line in the log, while the target went on filling."""
    first = (await house.backup.run()).night
    manifest = house.copies / NIGHTS / first / "manifest"
    whole = manifest.read_bytes()
    manifest.write_text("{}")
    clock.forward(days=1)

    done = await house.backup.run()

    assert done.untidied == f"backup_damaged: {first}/manifest"
    told = (await house.clinic.facts.all())[Noted.BACKUP]
    assert (told.value["night"], told.value["untidied"]) == (done.night, done.untidied)
    assert await health(house) == (Level.WARN, "untidied")

    manifest.write_bytes(whole)
    clock.forward(days=1)
    assert (await house.backup.run()).untidied == ""
    assert (await health(house))[1] != "untidied"


async def test_a_target_that_lets_nothing_go_spoils_no_copy(house, clock, monkeypatch):
    async def refuse(name: str) -> None:
        raise Unavailable("backup_target_refuses", place=house.target.place, reason=name)

    for _ in range(2):
        await house.backup.run()
        clock.forward(days=1)
    monkeypatch.setattr(house.target, "remove", refuse)
    done = await house.backup.run()
    assert done.untidied == "backup_target_refuses"
    assert len(await nights(house)) == 3
    assert await health(house) == (Level.WARN, "untidied")
