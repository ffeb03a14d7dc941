"""The copies that upgrades leave: none is half, none takes another's place."""

import pytest

from data.crypto import Keys
from data.database import Database
from data.errors import Invalid
from data.keyring import KeyFile
from data.sqlite_file import SqliteFile
from jobs.upgrade import UpgradeCopies
from tests.conftest import MASTER
from tests.factories import MONDAY


def keys() -> Keys:
    return KeyFile(((1, MASTER),)).keys()


async def test_two_copies_of_one_second_are_two(database, settings):
    """Whoever is impatient tries again at once."""
    copies = UpgradeCopies(settings, keys())
    first = await copies.make(database, "0003", MONDAY)
    second = await copies.make(database, "0003", MONDAY)
    assert first != second
    for copy in (first, second):
        SqliteFile(copy, keys().key("db")).connect().close()
    assert not list(settings.home.glob("work-*"))


async def test_bringing_back_twice_in_a_second_keeps_both_that_were_set_aside(database, settings):
    copies = UpgradeCopies(settings, keys())
    copy = await copies.make(database, "0003", MONDAY)
    await database.close()
    aside = {await copies.bring_back(copy, MONDAY) for _ in range(2)}
    assert len(aside) == 2
    assert all(path.is_file() for path in aside)
    again = await Database(settings.database, keys().key("db")).open()
    await again.close()


async def test_a_copy_from_before_a_rotation_is_brought_back_under_the_key_of_now(
    database, settings
):
    """Red before: database_key_wrong, so there was no way back once keys had been rotated."""
    before = KeyFile(((1, MASTER),))
    copy = await UpgradeCopies(settings, before.keys()).make(database, "0003", MONDAY)
    kept = copy.read_bytes()
    await database.close()
    now = before.rotated().rotated().keys()

    assert await UpgradeCopies(settings, now).bring_back(copy, MONDAY)

    await (await Database(settings.database, now.key("db")).open()).close()
    assert copy.read_bytes() == kept
    assert not list(settings.home.glob("work-*"))


async def test_a_copy_that_no_key_of_the_house_opens_is_left_alone(database, settings):
    copy = await UpgradeCopies(settings, keys()).make(database, "0003", MONDAY)
    await database.close()
    with pytest.raises(Invalid, match="database_key_wrong"):
        await UpgradeCopies(settings, KeyFile.new().keys()).bring_back(copy, MONDAY)
    await (await Database(settings.database, keys().key("db")).open()).close()


async def test_a_damaged_copy_from_before_a_rotation_is_refused(database, settings):
    before = KeyFile(((1, MASTER),))
    copy = await UpgradeCopies(settings, before.keys()).make(database, "0003", MONDAY)
    await database.close()
    content = bytearray(copy.read_bytes())
    for page in range(4096, len(content), 4096):
        content[page + 100] ^= 1
    copy.write_bytes(content)
    with pytest.raises(Invalid, match="database_damaged"):
        await UpgradeCopies(settings, before.rotated().keys()).bring_back(copy, MONDAY)
    await (await Database(settings.database, before.keys().key("db")).open()).close()
