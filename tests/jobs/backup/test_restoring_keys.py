"""A restore replaces no key that is there: a trial beside the living hospital harms nothing."""

import subprocess
from contextlib import contextmanager

import pytest

from data.keyring import KeyFile, Keyring, Share
from jobs.backup_restore import Wanted
from tests.conftest import MASTER
from tests.jobs.living import NOWHERE, code_of, restoring
from tests.peers import need, need_root


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


@contextmanager
def read_only(folder):
    """Lay a disk that can only be read under a folder."""
    need_root()
    folder.mkdir(parents=True)
    options = ["-t", "tmpfs", "-o", "ro,size=1m", "tmpfs", str(folder)]
    subprocess.run([str(need("mount")), *options], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


async def test_a_key_folder_that_cannot_be_written_to_spoils_no_second_try(house, tmp_path, living):
    """Red before: a raw error, and a database without its key that refused the next try."""
    await house.backup.run()
    with read_only(living.path.parent):
        assert await code_of(trial(house, tmp_path, living)) == "master_key_place_refuses"
    assert not (tmp_path / "trial").exists()

    await trial(house, tmp_path, living)
    assert (tmp_path / "trial" / "xinglin.db").exists()


async def test_what_stood_in_the_way_half_way_leaves_the_folder_as_it_was(house, tmp_path, living):
    """Red before: the database stayed, and the next try was refused."""
    await house.backup.run()
    folder = tmp_path / "trial"
    (folder / "xinglin.toml").mkdir(parents=True)  # a folder where a file is to be
    with pytest.raises(IsADirectoryError):
        await trial(house, tmp_path, living)
    assert [path.name for path in folder.iterdir()] == ["xinglin.toml"]
    assert not living.path.exists()

    (folder / "xinglin.toml").rmdir()
    (folder / "xinglin.toml").write_text("# of before\n")
    await trial(house, tmp_path, living)
    assert (folder / "xinglin.toml").read_text() != "# of before\n"


async def test_the_paper_is_put_beside_a_key_that_was_saved(house, tmp_path, living):
    """Red before: who had put the key back by hand was left without what the paper opens."""
    await house.backup.run()
    living.replace(KeyFile(((1, MASTER),)))
    await trial(house, tmp_path, living)
    assert living.verify(house.share.text) == living.load()


async def test_an_old_copy_lays_no_old_paper_beside_a_newer_key(house, tmp_path, living):
    await house.backup.run()
    living.replace(KeyFile(((1, MASTER),)).rotated())
    await trial(house, tmp_path, living)
    assert not living.wrapped_path.exists()
