"""What SQLite's one writer promises: turns, one durable commit for many, and no hostages."""

import asyncio
import contextlib
import random
import time

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from data import writer
from data.errors import Unavailable
from data.sqlite_file import SqliteFile
from tests.data_layer.seats import Room, build, failures, take, take_in, taken, together

pytestmark = pytest.mark.sqlite


@pytest.mark.may_wait
@pytest.mark.parametrize("where", ["in line", "in its turn", "before the commit"])
async def test_one_that_is_cancelled_leaves_the_others_alone(database, where):
    [room] = await build(database, Room(seats=20))
    entered = asyncio.Event()

    async def doubtful():
        async with database.transaction(write=True) as session:
            await take_in(session, room)
            entered.set()
            if where == "in its turn":
                await asyncio.sleep(10)

    before = [asyncio.create_task(take(database, room)) for _ in range(4)]
    task = asyncio.create_task(doubtful())
    after = [asyncio.create_task(take(database, room)) for _ in range(4)]
    if where == "in line":
        await asyncio.sleep(0)
    else:
        await entered.wait()
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.gather(*before, *after)
    # Whoever is cancelled while the group is being committed does not know, but it is kept.
    assert await taken(database) == (9 if where == "before the commit" else 8)


async def test_cancellations_at_any_moment_hurt_nobody_else(database):
    """150 of them, at random, among 16 who go on."""
    [room] = await build(database, Room(seats=100_000))
    chance, kept = random.Random(20), 0

    async def go_on(until: asyncio.Event) -> int:
        done = 0
        while not until.is_set():
            await take(database, room)
            done += 1
        return done

    async with asyncio.timeout(60):
        over = asyncio.Event()
        others = [asyncio.create_task(go_on(over)) for _ in range(16)]
        for _ in range(150):
            victim = asyncio.create_task(take(database, room))
            await asyncio.sleep(chance.uniform(0, 0.02))
            victim.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await victim
        over.set()
        kept = sum(await asyncio.gather(*others))

    assert kept <= await taken(database) <= kept + 150


@pytest.mark.may_wait
async def test_one_that_dawdles_is_rolled_back_and_the_others_go_on(database):
    [room] = await build(database, Room(seats=20))

    async def dawdle():
        async with database.transaction(write=True) as session:
            await take_in(session, room)
            await asyncio.sleep(60)

    began = time.monotonic()
    results = await together(take(database, room), dawdle(), take(database, room))

    assert failures(results) == [TimeoutError]
    assert await taken(database) == 2
    assert time.monotonic() - began < 20 * writer.LONGEST_TURN


@pytest.mark.may_wait
async def test_one_within_another_does_not_wait_for_itself_for_ever(database):
    [room] = await build(database, Room())
    with pytest.raises(TimeoutError):
        async with database.transaction(write=True):
            await take(database, room)
    await take(database, room)


@pytest.mark.may_wait
async def test_one_that_waits_for_something_else_is_reported(database, caplog):
    [room] = await build(database, Room(seats=2))
    await take(database, room)
    assert "waited for something else" not in caplog.text

    async with database.transaction(write=True):
        await asyncio.sleep(0)

    assert "waited for something else" in caplog.text
    assert "test_one_that_waits" in caplog.records[-1].stack_info


@pytest.mark.may_wait
async def test_one_that_waits_for_something_else_is_reported_though_it_fails(database, caplog):
    """Everybody else has stood in line behind it all the same."""
    [room] = await build(database, Room(seats=2))
    with pytest.raises(ZeroDivisionError):
        async with database.transaction(write=True) as session:
            await take_in(session, room)
            raise ZeroDivisionError
    assert "waited for something else" not in caplog.text

    with pytest.raises(ZeroDivisionError):
        async with database.transaction(write=True):
            await asyncio.sleep(0)
            raise ZeroDivisionError

    assert "waited for something else" in caplog.text
    assert "test_one_that_waits" in caplog.records[-1].stack_info


async def test_those_who_stand_in_line_share_one_commit(database):
    """What takes long is the COMMIT: 40 units, and far fewer of them."""
    [room] = await build(database, Room(seats=40))
    commits = await database.between_groups(count_commits)

    await asyncio.gather(*(take(database, room) for _ in range(40)))

    assert await taken(database) == 40
    assert 1 <= commits.count("COMMIT") <= 4


def count_commits(raw) -> list[str]:
    said: list[str] = []
    raw.set_trace_callback(said.append)
    return said


async def test_if_the_commit_fails_everybody_is_told(database):
    rooms = await build(database, *(Room() for _ in range(8)))
    async with database.transaction(write=True) as session:
        column = "room_id REFERENCES test_room DEFERRABLE INITIALLY DEFERRED"
        await session.execute(text(f"CREATE TABLE promise ({column})"))

    async def promise_what_is_not_there():
        async with database.transaction(write=True) as session:
            await session.execute(text("INSERT INTO promise VALUES ('nothing')"))

    jobs = [take(database, room) for room in rooms]
    jobs.insert(4, promise_what_is_not_there())
    results = await together(*jobs)

    assert failures(results) == [IntegrityError] * 9
    assert await taken(database) == 0
    await asyncio.gather(*(take(database, room) for room in rooms))
    assert await taken(database) == 8


async def test_if_sqlite_rolls_back_by_itself_everybody_before_is_told(database):
    rooms = await build(database, *(Room() for _ in range(8)))

    async def lose_everything():
        async with database.transaction(write=True) as session:
            await session.execute(text("ROLLBACK"))  # as SQLite does when the disk is full

    jobs = [take(database, room) for room in rooms]
    jobs.insert(4, lose_everything())
    results = await together(*jobs)

    assert failures(results) == [Unavailable] * 4 + [OperationalError]
    assert [error.code for error in results[:4]] == ["rolled_back"] * 4
    assert await taken(database) == 4


async def test_if_sqlite_rolls_back_the_first_of_a_group_those_behind_go_on(database):
    """They have lost nothing, and need not be told of somebody else's trouble."""
    rooms = await build(database, *(Room() for _ in range(4)))

    async def lose_everything():
        async with database.transaction(write=True) as session:
            await session.execute(text("ROLLBACK"))

    results = await together(lose_everything(), *(take(database, room) for room in rooms))

    assert failures(results) == [OperationalError]
    assert await taken(database) == 4


async def test_what_could_not_be_rolled_back_is_not_kept_with_the_others(database, monkeypatch):
    """Half a unit without its entry in the trail is not committed: its group is told instead."""
    rooms = await build(database, *(Room() for _ in range(4)))
    dialect = database._writer.dialect
    roll_back = dialect.do_rollback_to_savepoint

    def break_once(*where):
        monkeypatch.setattr(dialect, "do_rollback_to_savepoint", roll_back)
        raise OSError("disk I/O error")

    async def fail_half_way():
        async with database.transaction(write=True) as session:
            await take_in(session, rooms[3])
            monkeypatch.setattr(dialect, "do_rollback_to_savepoint", break_once)
            raise ZeroDivisionError

    results = await together(
        *(take(database, room) for room in rooms[:2]), fail_half_way(), take(database, rooms[2])
    )

    assert [getattr(each, "code", "") for each in results[:2]] == ["rolled_back"] * 2
    assert isinstance(results[2], Exception)
    assert await taken(database) == 1, "only who stood behind"


async def test_if_a_connection_cannot_even_be_given_up_the_line_goes_on(database, monkeypatch):
    """R034: whatever breaks, nobody stands in line for ever."""
    rooms = await build(database, *(Room() for _ in range(4)))
    one, give_up = database._writer, database._writer._give_up

    def break_down():
        while not database.waiting:
            time.sleep(0.001)
        monkeypatch.undo()
        give_up()
        raise OSError("what nobody thought of")

    async def lose_everything():
        async with database.transaction(write=True) as session:
            await session.execute(text("ROLLBACK"))

    monkeypatch.setattr(one, "_give_up", break_down)
    losing = asyncio.create_task(lose_everything())
    await asyncio.wait([losing])
    async with asyncio.timeout(5):
        await asyncio.gather(*(take(database, room) for room in rooms))
    assert await taken(database) == 4


async def test_if_it_cannot_begin_those_in_line_are_told(database, keys):
    rooms = await build(database, *(Room() for _ in range(4)))
    await database.between_groups(lambda raw: raw.execute("PRAGMA busy_timeout=10"))
    other = SqliteFile(database.path, keys.key("db")).connect()
    other.execute("BEGIN IMMEDIATE")

    results = await together(*(take(database, room) for room in rooms))
    other.execute("ROLLBACK")
    other.close()

    assert len(failures(results)) == 4
    assert all(issubclass(kind, DBAPIError | Unavailable) for kind in failures(results))
    await asyncio.gather(*(take(database, room) for room in rooms))
    assert await taken(database) == 4


async def test_the_line_is_not_endless(database, monkeypatch):
    """R034: whoever comes when it is full is told at once, and when to come again."""
    [room] = await build(database, Room(seats=20))
    monkeypatch.setattr(writer, "LONGEST_LINE", 10)

    results = await together(*(take(database, room) for _ in range(15)))

    refused = [result for result in results if isinstance(result, Unavailable)]
    assert len(refused) == 5
    assert {(error.code, error.details["retry_after"]) for error in refused} == {("busy", 2)}


async def test_readers_cannot_write(database):
    await build(database)
    with pytest.raises(Unavailable, match="disk_read_only"):
        async with database.transaction(write=False) as session:
            session.add(Room())


async def test_a_step_between_groups_finds_no_unit_open_and_holds_the_others(database):
    """What ships the log and makes checkpoints needs the file at rest."""
    [room] = await build(database, Room(seats=40))
    at_rest: list[bool] = []

    def step(raw) -> tuple[int, int, int]:
        at_rest.append(not raw.in_transaction)
        return raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()

    steps = [database.between_groups(step) for _ in range(3)]
    jobs = [take(database, room) for _ in range(40)]
    results = await asyncio.gather(*jobs[:20], *steps, *jobs[20:])

    assert at_rest == [True] * 3
    assert [result for result in results if isinstance(result, tuple)][-1][0] == 0  # not busy
    assert await taken(database) == 40


async def test_a_step_that_fails_tells_whoever_asked_and_nobody_else(database):
    [room] = await build(database, Room(seats=2))
    results = await together(
        take(database, room), database.between_groups(lambda _: 1 // 0), take(database, room)
    )
    assert failures(results) == [ZeroDivisionError]
    assert await taken(database) == 2


async def test_those_in_line_are_served_before_it_closes(database):
    [room] = await build(database, Room(seats=20))
    jobs = [asyncio.create_task(take(database, room)) for _ in range(20)]
    await asyncio.sleep(0)
    await database.close()

    assert not failures(await together(*jobs))


async def test_to_be_cancelled_while_closing_costs_nobody_their_work(database):
    [room] = await build(database, Room(seats=20))
    jobs = [asyncio.create_task(take(database, room)) for _ in range(20)]
    await asyncio.sleep(0)
    closing = asyncio.create_task(database._writer.close())
    await asyncio.sleep(0)
    closing.cancel()

    assert not failures(await together(*jobs))
