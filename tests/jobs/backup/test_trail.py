"""A restored house knows that it was restored, and its trail goes on whole."""

import pytest
from sqlalchemy import select

from data.audit import AuditEntry
from data.crypto import PROFILES
from data.keyring import KeyFile
from jobs.backup_restore import Wanted
from jobs.backup_trail import Told, note_restore
from services.clinic import Clinic
from services.policy import HOUSE
from tests.conftest import MASTER
from tests.jobs.living import restoring, risen
from tests.services.test_trail import found


async def test_the_restore_stands_in_the_trail_of_the_restored_house(house, tmp_path, clock):
    """S-AUD-1: what was lost between is then no riddle."""
    await house.backup.run()

    restored = await restoring(house, tmp_path / "new").run(Wanted(house.share, by="li"))

    again = await risen(tmp_path / "new", clock)
    async with again.clinic.database.transaction(write=False) as session:
        last = await session.scalar(select(AuditEntry).order_by(AuditEntry.seq.desc()).limit(1))
    assert last.action == "backup:restore"
    assert last.address == "console:li", "who sat at the machine"
    assert last.purpose == f"{restored.night} from {house.target.place}"
    assert last.detail["as_of"] == restored.as_of.isoformat()
    assert (await again.clinic.audit.verify(HOUSE)).whole
    await again.clinic.database.close()


@pytest.mark.parametrize("profile", sorted(PROFILES))
async def test_the_entry_is_sealed_as_the_house_seals(database, clock, settings, profile):
    """The settings of a house are not there yet when its restore is noted."""
    key_file = KeyFile(((1, MASTER),))
    clinic = Clinic.open(database, clock, key_file.keys(profile), settings)
    await found(clinic)

    await note_restore(database, key_file, clock, Told("a night", clock.now(), "li"))

    verdict = await clinic.audit.verify(HOUSE)
    async with database.transaction(write=False) as session:
        actions = set(await session.scalars(select(AuditEntry.action)))
    assert "backup:restore" in actions
    assert verdict.whole


async def test_a_trail_that_is_not_whole_is_not_lengthened(database, clock, settings, caplog):
    key_file = KeyFile(((1, bytes(32)),))
    clinic = Clinic.open(database, clock, KeyFile(((1, MASTER),)).keys(), settings)
    await found(clinic)

    await note_restore(database, key_file, clock, Told("a night", clock.now(), "li"))

    assert "is not noted" in caplog.text
    assert (await clinic.audit.verify(HOUSE)).whole
