"""What a unit of work promises on either database: all or nothing, and nobody pays for another."""

import asyncio
import logging
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from data.database import Database
from data.errors import Conflict, Unavailable
from data.institution import Institution
from data.tables import metadata
from tests.data_layer.seats import Room, build, failures, take, take_in, taken, together
from tests.factories import MONDAY

ROOT = Path(__file__).parents[2]


async def test_a_storm_fills_the_seats_and_no_more(database):
    """R032, R033: 500 people at once for 50 seats."""
    rooms = await build(database, *(Room(seats=5) for _ in range(10)))

    results = await together(*(take(database, rooms[n % 10]) for n in range(500)))

    assert failures(results) == [Conflict] * 450
    assert await taken(database) == 50


async def test_one_that_fails_leaves_the_others_alone(database):
    [room] = await build(database, Room(seats=20))

    async def fail():
        async with database.transaction(write=True) as session:
            await take_in(session, room)
            raise ZeroDivisionError

    async def break_a_constraint():
        async with database.transaction(write=True) as session:
            session.add(Room(id=room))

    jobs = [job for _ in range(8) for job in (take(database, room), fail(), break_a_constraint())]
    results = await together(*jobs)

    assert failures(results) == [ZeroDivisionError, IntegrityError] * 8
    assert await taken(database) == 8


@pytest.mark.may_wait
async def test_nobody_sees_what_is_not_committed(database):
    [room] = await build(database, Room(seats=2))

    async with database.transaction(write=True) as session:
        await take_in(session, room)
        assert await taken(database) == 0

    assert await taken(database) == 1


async def test_what_follows_a_commit_runs_once_and_only_after_one(database):
    [room] = await build(database, Room(seats=20))
    heard: list[int] = []

    async def unit(number: int, fails: bool) -> None:
        async with database.transaction(write=True) as session:
            await take_in(session, room)
            session.info["after"].append(lambda: heard.append(number))
            if fails:
                raise ZeroDivisionError

    await together(*(unit(number, fails=number % 3 == 0) for number in range(9)))

    assert sorted(heard) == [1, 2, 4, 5, 7, 8]


async def test_what_follows_a_commit_is_done_though_its_author_was_cancelled(database):
    """R033: what is kept is told, even if nobody waits for the answer any more."""
    [room] = await build(database, Room(seats=2))
    all_but_kept, heard = asyncio.Event(), asyncio.Event()

    async def unit() -> None:
        async with database.transaction(write=True) as session:
            await take_in(session, room)
            session.info["after"].append(heard.set)
            all_but_kept.set()

    task = asyncio.create_task(unit())
    await all_but_kept.wait()
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(5):
        await heard.wait()
    assert await taken(database) == 1


async def test_nothing_follows_a_part_that_was_kept_of_a_whole_that_was_not(database):
    [room] = await build(database, Room(seats=2))
    heard: list[str] = []
    with pytest.raises(ZeroDivisionError):
        async with database.transaction(write=True) as session:
            session.info["after"].append(lambda: heard.append("kept"))
            async with session.begin_nested():
                await take_in(session, room)
            raise ZeroDivisionError

    assert not heard


async def test_what_follows_a_commit_cannot_fail_it(database, caplog):
    """The work is kept: an error afterwards must not make its author do it again."""
    [room] = await build(database, Room(seats=2))
    heard = []
    with caplog.at_level(logging.CRITICAL, logger="data"):
        async with database.transaction(write=True) as session:
            await take_in(session, room)
            session.info["after"] += [lambda: 1 // 0, lambda: heard.append("second")]

    assert await taken(database) == 1
    assert heard == ["second"]


async def test_whoever_was_overtaken_is_told(database):
    """Two people edit one thing: the later save does not undo the earlier one unseen."""
    async with database.transaction(write=True) as session:
        session.add(row := Institution(name="甲", uscc="1", created_at=MONDAY))
    async with database.transaction(write=False) as session:
        seen = await session.get_one(Institution, row.id)
    async with database.transaction(write=True) as session:
        (await session.get_one(Institution, row.id)).name = "乙"

    with pytest.raises(Conflict, match="changed_meanwhile"):
        async with database.transaction(write=True) as session:
            session.add(seen)
            seen.name = "丙"


SECOND = """
import asyncio, sys
from data.database import Database
from data.errors import DomainError
async def main(url, key):
    try:
        await Database(url, bytes.fromhex(key)).open()
    except DomainError as error:
        print(error.code)
asyncio.run(main(*sys.argv[1:]))
"""


async def test_a_second_process_is_refused_with_a_code(database, keys):
    """Two processes that write would break every promise the one writer makes."""
    command = [sys.executable, "-c", SECOND, second_address(database), keys.key("db").hex()]
    done = await asyncio.to_thread(
        subprocess.run, command, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "database_in_use", done.stderr


@pytest.mark.sqlite
async def test_a_second_process_is_refused_by_way_of_a_link_too(database, keys, tmp_path):
    """Red before: the lock lay beside the link, where nobody else looked."""
    (other := tmp_path / "elsewhere").mkdir()
    (other / "by-link.db").symlink_to(database.path)
    with pytest.raises(Conflict, match="database_in_use"):
        await Database(f"sqlite:///{other / 'by-link.db'}", keys.key("db")).open()


@pytest.mark.sqlite
async def test_a_file_with_two_names_is_refused(database, keys, tmp_path):
    """Each name would have a log of its own, and two logs spoil the file."""
    await database.close()
    (second := tmp_path / "second.db").hardlink_to(database.path)
    for name in (database.path, second):
        with pytest.raises(Conflict, match="database_two_names"):
            await Database(f"sqlite:///{name}", keys.key("db")).open()


def second_address(database: Database) -> str:
    return database.url.render_as_string(hide_password=False)


async def test_the_next_process_may_have_it_once_we_are_done(database, keys):
    await database.close()
    again = await Database(second_address(database), keys.key("db")).open()
    await again.close()


async def test_a_closed_database_says_so(database):
    await database.close()
    with pytest.raises(Unavailable, match="database_closed"):
        async with database.transaction(write=True):
            pass


async def test_an_error_does_not_tell_what_was_in_the_row(database, caplog):
    """L4 data in a statement's parameters must not reach a log by way of an exception's text."""
    [room] = await build(database, Room())
    with pytest.raises(IntegrityError) as caught:
        async with database.transaction(write=True) as session:
            session.add(Room(id=room, seats=31415926))

    assert "31415926" not in str(caught.value)
    assert str(room) not in str(caught.value)


def test_no_constraint_waits_until_the_commit():
    """One violation would surface at COMMIT and fail everybody else in the group."""
    late = [
        f"{table}.{constraint.name}"
        for table in metadata.tables.values()
        for constraint in table.constraints
        if constraint.deferrable or constraint.initially
    ]
    assert not late


async def test_tables_are_made_with_a_key_for_every_foreign_key(database):
    """SQLite checks foreign keys only where it is told to."""
    with pytest.raises(IntegrityError):
        async with database.transaction(write=True) as session:
            await session.execute(
                text(
                    "INSERT INTO outbox_delivery (id, event_id, handler, attempts) "
                    "VALUES ('019536f4c8007000800000000000000a', "
                    "'019536f4c8007000800000000000000b', 'x', 0)"
                )
            )
