"""The copies that upgrades leave: none is half, none takes another's place."""

from data.crypto import Keys
from data.database import Database
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
