"""The daily exports of the trail do not grow for ever, and none goes that is not elsewhere too."""

from pathlib import Path

import pytest

from data.errors import NotFound
from jobs.backup_drill import Drill
from jobs.exports import Exports
from jobs.schedule import Night, table
from services.facts import Noted
from services.policy import HOUSE

KEEP = "policy.audit.export_keep_days"


@pytest.fixture
def folder(settings) -> Path:
    return settings.anchor_file.parent


async def export(house, clock, days: int = 1) -> None:
    """Let a day pass, with its export."""
    await house.clinic.audit.export(HOUSE, house.clinic.settings.anchor_file.parent)
    clock.forward(days=days)


async def proven(house) -> None:
    """The night's copy is made, and the trail verified."""
    await house.backup.run()
    await house.clinic.facts.note(Noted.VERIFIED, ok=True)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("audit-*.jsonl"))


async def test_exports_go_when_they_are_old_and_trail_and_copy_hold_the_same(house, folder, clock):
    """S-AUD-1: half a year at least; the trail itself stays for as long as the law has it."""
    keep = house.clinic.policy.number(KEEP)
    assert keep >= 180
    for _ in range(3):
        await export(house, clock)
    (folder / "audit-notes.jsonl").write_text("somebody's own")
    clock.forward(days=keep - 1)
    await proven(house)

    assert await Exports(house.clinic).tidy() == 2

    [left, note] = names(folder)
    assert note == "audit-notes.jsonl"
    assert left.startswith("audit-20260304")
    assert (await house.clinic.audit.verify(HOUSE)).whole
    assert await Exports(house.clinic).tidy() == 0


@pytest.mark.parametrize("lacking", ["copy", "verification", "whole trail"])
async def test_none_goes_while_anything_is_in_doubt(house, folder, clock, lacking):
    await export(house, clock)
    clock.forward(days=house.clinic.policy.number(KEEP) + 1)
    if lacking != "copy":
        await house.backup.run()
    if lacking != "verification":
        await house.clinic.facts.note(Noted.VERIFIED, ok=lacking != "whole trail")
    assert await Exports(house.clinic).tidy() == 0
    assert len(names(folder)) == 1


async def test_an_export_younger_than_the_last_copy_stays(house, folder, clock):
    """The copy was made before it: nobody else has it."""
    await proven(house)
    clock.forward(hours=1)
    await export(house, clock)
    clock.forward(days=house.clinic.policy.number(KEEP) + 1)
    assert await Exports(house.clinic).tidy() == 0
    assert len(names(folder)) == 1


async def test_what_the_copy_had_to_leave_out_stays(house, folder, clock, caplog):
    await export(house, clock)
    [name] = names(folder)
    clock.forward(days=house.clinic.policy.number(KEEP) + 1)
    await proven(house)
    told = (await house.clinic.facts.all())[Noted.BACKUP].value
    await house.clinic.facts.note(Noted.BACKUP, **{**told, "left_out": [f"anchors/{name}"]})
    assert await Exports(house.clinic).tidy() == 0
    assert names(folder) == [name]


async def test_a_log_host_keeps_its_own_time(house, clock, tmp_path):
    """Where the hospital has them written elsewhere, nothing there is ours to take away."""
    elsewhere = tmp_path / "log-host"
    settings = house.clinic.settings.model_copy(update={"anchors": elsewhere})
    await house.clinic.audit.export(HOUSE, elsewhere)
    clock.forward(days=house.clinic.policy.number(KEEP) + 1)
    await proven(house)
    assert await Exports(house.clinic, settings).tidy() == 0
    assert len(names(elsewhere)) == 1


async def test_that_they_went_stands_in_the_trail(house, folder, clock, tmp_path):
    """R016."""
    await export(house, clock)
    [name] = names(folder)
    clock.forward(days=house.clinic.policy.number(KEEP) + 1)
    await proven(house)
    await Exports(house.clinic).tidy()
    target, _ = await house.clinic.audit.export(HOUSE, tmp_path)
    assert any(name in line for line in target.read_text().splitlines())


async def test_an_export_begins_after_an_entry_that_there_is(house, tmp_path):
    """Red before: it went on as if the trail began there."""
    with pytest.raises(NotFound):
        await house.clinic.audit.export(HOUSE, tmp_path, since=10**6)
    assert list(tmp_path.glob("audit-*")) == []


async def test_the_night_does_it(house, folder, clock):
    night = Night(house.backup, Drill(house.backup), house.backup.courier)
    [job] = [each for each in table(house.clinic, night) if each.name == "audit-exports"]
    assert job.forgets
    await export(house, clock)
    clock.forward(days=house.clinic.policy.number(KEEP) + 1)
    await proven(house)
    await job.do()
    assert names(folder) == []
