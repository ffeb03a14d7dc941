"""What only PostgreSQL can do to us: lose our lock, let a reader write, keep people waiting."""

import asyncio

import asyncpg
import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from data import database as module
from data.database import CONNECTIONS, Database
from data.errors import Conflict, Unavailable
from data.house_lock import HOUSE_LOCK
from data.institution import Institution
from tests.data_layer.seats import Room, build, take, taken
from tests.factories import MONDAY

pytestmark = pytest.mark.postgresql

HOLDERS = text(
    "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1 AND granted "
    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) "
    f"AND (classid::bigint << 32 | objid::bigint) = {HOUSE_LOCK}"
)


async def holders(database: Database) -> list[int]:
    async with database.transaction(write=False) as session:
        return list(await session.scalars(HOLDERS))


async def cut_off(database: Database) -> int:
    """End the connection that holds the lock, as an administrator or a server might."""
    [pid] = await holders(database)
    async with database.transaction(write=False) as session:
        await session.execute(select(func.pg_terminate_backend(pid)))
    return pid


async def until(true) -> None:
    async with asyncio.timeout(10):
        while not await true():
            await asyncio.sleep(0.01)


async def connected(database: Database) -> asyncpg.Connection:
    place = database.url.translate_connect_args()
    return await asyncpg.connect(
        host=database.url.query["host"], user=place["username"], database=place["database"]
    )


def known_lost(database: Database, *, lost: bool = True):
    """Ask whether this process knows that the lock is not its own; or that it is again."""

    async def known() -> bool:
        try:
            database._lock.require()
        except Unavailable:
            return lost
        return not lost

    return known


async def until_ours_again(database: Database, before: int) -> None:
    """Wait until another connection of ours holds the lock, and this process knows it."""

    async def again() -> bool:
        return (await holders(database) or [before]) != [before]

    await until(again)
    await until(known_lost(database, lost=False))


async def test_who_only_reads_cannot_write(database):
    """Red before: `Transactions.read` wrote, and nothing of it was in the trail."""
    with pytest.raises(DBAPIError, match="read-only transaction"):
        async with database.transaction(write=False) as session:
            session.add(Institution(name="甲", uscc="1", created_at=MONDAY))
            await session.flush()
    async with database.transaction(write=True) as session:  # the same connection writes again
        session.add(Institution(name="甲", uscc="1", created_at=MONDAY))


async def test_a_lock_whose_connection_ends_is_taken_again(database):
    """Red before: it was gone, and a second process was let in."""
    [room] = await build(database, Room(seats=2))
    before = await cut_off(database)
    await until_ours_again(database, before)

    await take(database, room)
    assert await taken(database) == 1
    with pytest.raises(Conflict, match="database_in_use"):
        await Database(database.url.render_as_string(hide_password=False)).open()


async def test_who_was_killed_leaves_the_lock_to_the_next_in_a_moment(database):
    """Red before: who began while the server was still noticing was told of another process."""
    url = database.url.render_as_string(hide_password=False)

    async def leave() -> None:
        await asyncio.sleep(0.5)
        await database.close()

    leaving = asyncio.create_task(leave())
    successor = await Database(url).open()
    await leaving
    await successor.close()


async def test_an_end_of_ours_that_goes_by_itself_meanwhile_is_nobody_elses(database, monkeypatch):
    """Red before: nobody held the lock, and nothing was written any more until a restart."""
    [room] = await build(database, Room(seats=2))
    [before] = await holders(database)
    lock = database._lock
    another_has_it = lock._another_has_it

    async def too_late() -> bool:
        async with database.transaction(write=False) as session:
            await session.execute(select(func.pg_terminate_backend(before)))

        async def gone() -> bool:
            return before not in await holders(database)

        await until(gone)
        return await another_has_it()

    monkeypatch.setattr(lock, "_another_has_it", too_late)
    kept, lock._connection, lock._driver = lock._connection, None, None
    lock._cut.set()
    await until_ours_again(database, before)
    await take(database, room)
    await kept.invalidate()
    await kept.close()


async def test_nothing_is_written_while_the_lock_is_not_ours(database):
    """Not even by a unit that was under way when we heard that it was lost."""
    [room] = await build(database, Room(seats=2))
    rival = await connected(database)
    waits = asyncio.create_task(rival.execute("SELECT pg_advisory_lock($1)", HOUSE_LOCK))
    with pytest.raises(Unavailable):
        async with database.transaction(write=True) as session:
            (await session.get_one(Room, room)).taken = 1
            await session.flush()
            await cut_off(database)
            await waits
            await until(known_lost(database))
    assert await taken(database) == 0
    await rival.close()


async def test_a_process_whose_database_was_taken_over_writes_nothing_any_more(database):
    """Two that write would each break what the other promised."""
    [room] = await build(database, Room(seats=2))
    rival = await connected(database)
    waits = asyncio.create_task(rival.execute("SELECT pg_advisory_lock($1)", HOUSE_LOCK))
    await cut_off(database)
    await waits
    await until(known_lost(database))

    async def said() -> bool:
        with pytest.raises(Unavailable) as refusal:
            await take(database, room)
        return refusal.value.code == "database_taken_over"

    await until(said)
    assert await taken(database) == 0  # reading goes on
    await rival.close()
    assert await said()  # who wrote meanwhile may have changed what we keep in memory


async def test_an_end_of_ours_that_only_the_server_still_holds_is_let_go(database):
    """The network was cut off: the server does not know for hours, and keeps the lock for us."""
    [room] = await build(database, Room(seats=2))
    [before] = await holders(database)
    lock = database._lock
    kept, lock._connection, lock._driver = lock._connection, None, None
    lock._cut.set()
    await until_ours_again(database, before)
    await take(database, room)
    await kept.invalidate()
    await kept.close()


async def test_who_waits_for_a_connection_is_counted_and_the_line_has_an_end(database, monkeypatch):
    """R034: red before, it was always 0 here, and the line was endless."""
    [room] = await build(database, Room(seats=100))
    held, go_on = asyncio.Semaphore(0), asyncio.Event()

    async def hold() -> None:
        async with database.transaction(write=False):
            held.release()
            await go_on.wait()

    holding = [asyncio.create_task(hold()) for _ in range(CONNECTIONS)]
    for _ in holding:
        await held.acquire()
    monkeypatch.setattr(module, "LONGEST_LINE", 5)
    assert database.waiting == 0
    waiting = [asyncio.create_task(take(database, room)) for _ in range(5)]

    async def all_wait() -> bool:
        return database.waiting == 5

    await until(all_wait)
    with pytest.raises(Unavailable, match="busy"):
        await take(database, room)
    go_on.set()
    await asyncio.gather(*holding, *waiting)
    assert (database.waiting, await taken(database)) == (0, 5)
