"""A restore replaces no key that is there: a trial beside the living hospital harms nothing."""

import pytest

from data.keyring import KeyFile, Keyring, Share
from jobs.backup_restore import Wanted
from tests.conftest import MASTER
from tests.jobs.living import NOWHERE, code_of, restoring


@pytest.fixture
def living(tmp_path):
    """The key of the hospital that goes on meanwhile, kept apart from its home."""
    return Keyring(tmp_path / "etc" / "master.key", NOWHERE)


def trial(house, tmp_path, living):
    wanted = Wanted(Share.read(house.share.text), key_file=living.path)
    return restoring(house, tmp_path / "trial").run(wanted)


async def test_the_key_of_the_living_hospital_is_left_as_it_is(house, tmp_path, living):
    """Also when the copy is from before a rotation and knows the older version only."""
    await house.backup.run()
    newer = KeyFile(((1, MASTER),)).rotated()
    living.replace(newer, Share.new())
    before = living.path.read_bytes(), living.wrapped()

    await trial(house, tmp_path, living)

    assert (living.path.read_bytes(), living.wrapped()) == before


@pytest.mark.parametrize("only", ["key", "paper"])
async def test_the_key_of_another_hospital_is_not_replaced(house, tmp_path, living, only):
    await house.backup.run()
    living.replace(KeyFile.new(), Share.new())
    (living.wrapped_path if only == "key" else living.path).unlink()
    kept = living.path if only == "key" else living.wrapped_path
    before = kept.read_bytes()

    assert await code_of(trial(house, tmp_path, living)) == "master_key_of_another"

    assert kept.read_bytes() == before
    assert not (tmp_path / "trial").exists()


async def test_where_no_key_can_be_put_nothing_is_restored(house, tmp_path, living):
    await house.backup.run()
    living.path.parent.write_text("a file where the folder should be")
    assert await code_of(trial(house, tmp_path, living)) == "master_key_place_refuses"
    assert not (tmp_path / "trial").exists()
