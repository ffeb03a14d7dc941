"""Files that no row names go, in time; never one that is named, new, or on its way to a copy."""

import asyncio
import os
from datetime import timedelta
from pathlib import Path

from data.files import PART
from integrations.folder import FolderTarget
from jobs.backup_drill import Drill
from jobs.schedule import Night, Schedule, table
from services.metrics import Metrics
from tests.factories import INSTITUTION
from tests.jobs.living import keep


async def orphan(house, content: bytes) -> Path:
    async def chunks():
        yield content

    stored = await house.backup.store.put(chunks(), INSTITUTION)
    return house.backup.store.path(stored.blob)


def written(path: Path, moment) -> None:
    os.utime(path, (moment.timestamp(), moment.timestamp()))


def plan(house) -> Schedule:
    clinic = house.clinic
    night = Night(house.backup, Drill(house.backup), house.backup.courier)
    metrics = Metrics(clinic.database, clinic.bus, clinic.health)
    return Schedule(table(clinic, night), clinic.settings.timezone, metrics)


async def test_every_night_what_no_row_names_goes_after_a_day(house, clock):
    store = house.backup.store
    named = await keep(house, b"a letter")
    [kept] = await store.blobs()
    old, new = await orphan(house, b"old" * 99), await orphan(house, b"new" * 99)
    part = store.folder / f"dead{PART}"
    part.write_bytes(b"x")
    for path in (old, part, store.path(kept)):
        written(path, clock.now() - timedelta(hours=25))
    written(new, clock.now() - timedelta(hours=23))

    assert await plan(house).run("files")

    assert set(await store.blobs()) == {kept, new.name}
    assert not part.exists()
    assert named


class Slow(FolderTarget):
    """A target that is written to until somebody lets it end."""

    def __init__(self, root: Path) -> None:
        super().__init__(root, pace=1 << 40)
        self.busy, self.go_on = asyncio.Event(), asyncio.Event()

    async def put(self, name: str, source: Path) -> None:
        self.busy.set()
        await self.go_on.wait()
        await super().put(name, source)


async def test_nothing_is_swept_while_a_copy_is_made_or_carried(house, clock, tmp_path):
    target = Slow(tmp_path / "slow")
    house.backup.target = house.backup.courier._target = target
    old = await orphan(house, b"old" * 99)
    written(old, clock.now() - timedelta(days=2))

    for busy in (house.backup.run, house.backup.courier.carry):
        target.busy.clear()
        target.go_on.clear()
        copying = asyncio.create_task(busy())
        await target.busy.wait()
        sweeping = asyncio.create_task(house.backup.sweep())
        await asyncio.wait([sweeping], timeout=0.2)
        waited, there = not sweeping.done(), old.exists()
        target.go_on.set()
        await copying
        assert waited
        assert there
        assert await sweeping == 1
        old = await orphan(house, b"again" * 99)
        written(old, clock.now() - timedelta(days=2))


async def test_a_target_looked_at_anew_while_a_file_is_carried_has_it_all_the_same(house, tmp_path):
    """The nightly run has the courier forget what is there; a file may be on its way just then."""
    target = Slow(tmp_path / "slow")
    house.backup.target = house.backup.courier._target = target
    await orphan(house, b"on its way" * 99)
    courier = house.backup.courier
    carrying = asyncio.create_task(courier.carry())
    await target.busy.wait()
    courier.look_again()
    target.go_on.set()
    await carrying
    before = await target.names("files/")
    await courier.carry()
    assert before == await target.names("files/") != []
