"""Whoever answers for the backup is asked once when it fails, and no more when it succeeds."""

import shutil
from pathlib import Path

import pytest
from sqlcipher3 import dbapi2 as sqlcipher

from data.errors import DomainError, Forbidden
from data.sqlite_file import SqliteFile
from jobs.backup_alarm import BACKUP, DRILL
from jobs.backup_drill import Drill
from jobs.backup_snapshot import read_contents
from services.facts import Noted
from services.findings import Level
from services.policy import HOUSE, Role
from services.tasks import Search
from tests.factories import an_actor
from tests.jobs.living import code_of, keep

PAGE = 4096
ADMIN = an_actor(Role.SYSTEM_ADMIN)


async def tasks(house, kind: str):
    views, _ = await house.clinic.tasks.page(ADMIN, Search(kind=kind))
    return views


async def test_a_backup_that_fails_for_nights_is_one_task_that_closes_itself(house, clock):
    """S-BCK-1."""
    real = house.target.root
    for round_ in (1, 2):
        house.target.root = Path("/proc/nowhere")
        for _ in range(3):
            with pytest.raises(DomainError):
                await house.backup.run()
            await house.clinic.health.sample()
            clock.forward(days=1)
        [task] = await tasks(house, BACKUP)
        assert task.values == {"place": house.target.place}
        with pytest.raises(Forbidden) as caught:  # it would be as if it were well
            await house.clinic.tasks.close(ADMIN, task.id, "seen")
        assert caught.value.code == "task_ends_elsewhere"
        red = [str(each.values["what"]) for each in await tasks(house, "health_red")]
        assert not [what for what in red if what == "health.backup"], round_

        house.target.root = real
        await house.backup.run()
        assert await tasks(house, BACKUP) == []
        clock.forward(days=1)


async def test_a_drill_that_fails_for_nights_is_one_task_that_closes_itself(house, clock):
    """S-BCK-2."""
    await keep(house, b"rot" * 30_000)
    await house.backup.run()
    [path] = house.copies.glob("files/*/*")
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    for _ in range(2):
        assert not (await Drill(house.backup).run()).ok
        await house.clinic.health.sample()
        clock.forward(days=1)
    assert len(await tasks(house, DRILL)) == 1

    path.write_bytes(whole)
    assert (await Drill(house.backup).run()).ok
    assert await tasks(house, DRILL) == []


async def test_the_drill_notes_whether_the_database_is_whole(house, clock):
    async def integrity():
        findings = await house.clinic.health.look(HOUSE)
        [found] = [each for each in findings if each.check == "integrity"]
        return found

    assert (await integrity()).code == "never"
    await house.backup.run()
    assert (await Drill(house.backup).run()).ok
    assert ((await integrity()).level, (await integrity()).code) == (Level.OK, "ok")
    assert (await house.clinic.facts.all())[Noted.INTEGRITY].at == clock.now()


def flipped(path: Path, page: int) -> None:
    with path.open("r+b") as file:
        file.seek(page * PAGE + 100)
        [byte] = file.read(1)
        file.seek(page * PAGE + 100)
        file.write(bytes([byte ^ 1]))


def rotten(house, folder: Path, *, counted: bool) -> int:
    """Return a page whose damage counting the rows meets, or does not."""
    live = house.clinic.settings.home / "xinglin.db"
    for page in range(live.stat().st_size // PAGE - 1, 1, -1):
        copy = folder / f"{page}.db"
        shutil.copyfile(live, copy)
        flipped(copy, page)
        file = SqliteFile(copy, house.clinic.keys.key("db"))
        try:
            read_contents(file)
        except sqlcipher.DatabaseError:
            met = True
        else:
            met = False
        if met is counted:
            return page
    pytest.fail("no such page")


@pytest.mark.parametrize("counted", [True, False])
async def test_a_page_that_rotted_here_turns_the_check_red(house, tmp_path, counted):
    """Copies are made of the pages as they are: the backup meets it, or else the drill does."""
    await house.backup.run()
    flipped(house.clinic.settings.home / "xinglin.db", rotten(house, tmp_path, counted=counted))

    if counted:
        assert await code_of(house.backup.run()) == "database_damaged"
    else:
        await house.backup.run()
        assert (await Drill(house.backup).run()).code == "database_damaged"

    [found] = [e for e in await house.clinic.health.look(HOUSE) if e.check == "integrity"]
    assert (found.level, found.code) == (Level.RED, "damaged")
