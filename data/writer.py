"""The one connection that writes, and the line in front of it.

SQLite has one writer at a time, and what takes long is not the statements (tens of microseconds)
but the COMMIT, which waits for the disk. So everybody writes over one connection, where a unit of
work is a savepoint; they take turns, and those who stand in line together share one COMMIT.
Nobody is answered before it.

Inside a unit await nothing but the session: everybody else stands in line behind you. Whoever
keeps the turn longer than LONGEST_TURN is rolled back.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeVar

from sqlalchemy import Connection, Dialect, Engine
from sqlalchemy.ext.asyncio import AsyncSession

from data.errors import Unavailable

log = logging.getLogger(__name__)

T = TypeVar("T")

LARGEST_GROUP = 64
LONGEST_LINE = 1000
LONGEST_TURN = 0.25  # seconds


class Turn:
    """One unit's place in line: it begins, it ends, and then it is kept or lost."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.begins: asyncio.Future[None] = loop.create_future()
        self.ends: asyncio.Future[bool] = loop.create_future()  # True: there is work to keep
        self.kept: asyncio.Future[None] = loop.create_future()
        self.after: list[Callable[[], None]] = []
        self.is_half_done = False
        """Whether it failed and could not be rolled back: nothing of its group may be kept."""


def follow(after: list[Callable[[], None]]) -> None:
    """Do what follows a commit; the work is kept, so that no error of theirs may fail it now."""
    for callback in after:
        try:
            callback()
        except Exception:
            log.exception("what follows a commit failed")


class Writer:
    """Lets units of work through one after the other and commits them in groups.

    Statements run right here, in the event loop's thread: a change of thread would take longer
    than they do. BEGIN and COMMIT wait, for a lock and for the disk, and so have a thread.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection = engine.connect()
        self._thread = ThreadPoolExecutor(1, "commit")
        self._line: deque[Turn] = deque()
        self._steps: deque[tuple[Callable[[Any], Any], asyncio.Future[Any]]] = deque()
        self._conductor: asyncio.Task[None] | None = None
        self._closed = False  # to newcomers
        self._away = False

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """Yield a session for one unit of work; leave when it is on the disk, or has failed."""
        turn, keep = self._stand_in_line(), False
        try:
            await turn.begins
            with _watched():
                async with asyncio.timeout(LONGEST_TURN):
                    session = _session_on(self._connection)
                    session.info["after"] = turn.after
                    try:
                        yield session
                        await session.commit()
                        keep = True
                    finally:
                        turn.is_half_done = True
                        await session.close()  # rolls back to the savepoint what was not kept
                        turn.is_half_done = False
        finally:
            if not turn.ends.done():  # it is if the whole process is being stopped
                turn.ends.set_result(keep)
        await turn.kept

    async def between_groups(self, step: Callable[[Any], T]) -> T:
        """Run `step` with the raw connection, in the writer's thread, when no unit is open.

        For what needs the file at rest: checkpoints, shipping the log, a snapshot. All wait.
        """
        if self._closed:
            raise Unavailable("database_closed")
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._steps.append((step, done))
        self._set_off()
        return await done

    @property
    def dialect(self) -> Dialect:
        """Where sealed columns look for their keys."""
        return self._engine.dialect

    @property
    def waiting(self) -> int:
        """How many units stand in line now."""
        return len(self._line)

    async def close(self) -> None:
        """Let those in line finish, then close the file; who comes later is refused."""
        self._closed = True
        if self._conductor:
            await asyncio.wait([self._conductor])  # which outlives us, should we be cancelled
        if not self._away:
            self._away = True
            await asyncio.get_running_loop().run_in_executor(self._thread, self._put_away)
            self._thread.shutdown()

    def _put_away(self) -> None:
        self._connection.close()
        self._engine.dispose()

    def _stand_in_line(self) -> Turn:
        if self._closed:
            raise Unavailable("database_closed")
        if len(self._line) >= LONGEST_LINE:
            raise Unavailable("busy", retry_after=2)
        turn = Turn()
        self._line.append(turn)
        self._set_off()
        return turn

    def _set_off(self) -> None:
        if self._conductor is None or self._conductor.done():
            loop = asyncio.get_running_loop()
            self._conductor = loop.create_task(self._conduct(), name="database writer")

    async def _conduct(self) -> None:
        """Let everybody in line through, a group at a time, and tell each how it went."""
        while self._line or self._steps:
            while self._steps:
                await self._take_step()
            if self._line:
                await self._take_group()

    async def _take_group(self) -> None:
        group: list[Turn] = []
        try:
            await self._in_thread(self._begin)
        except Exception as error:
            log.exception("%d units of work could not begin", len(self._line))
            _refuse([turn.begins for turn in self._line], error)
            self._line.clear()
            await self._start_over()
            return
        try:
            await self._let_through(group)
            await self._in_thread(self._connection.commit)
        except Exception as error:
            log.exception("%d units of work were lost", len(group))
            _refuse([turn.kept for turn in group], error)
            await self._start_over()  # who still waits has lost nothing
            return
        for turn in group:
            self._tell(turn)

    def _tell(self, turn: Turn) -> None:
        follow(turn.after)
        if not turn.kept.done():  # it is if nobody waits any more
            turn.kept.set_result(None)

    async def _take_step(self) -> None:
        step, done = self._steps.popleft()
        try:
            result = await asyncio.get_running_loop().run_in_executor(
                self._thread, lambda: step(self._raw())
            )
        except Exception as error:  # noqa: BLE001 - it belongs to whoever asked for the step
            if not done.done():
                done.set_exception(error)
        else:
            if not done.done():
                done.set_result(result)

    async def _let_through(self, group: list[Turn]) -> None:
        while self._line and len(group) < LARGEST_GROUP:
            turn = self._line.popleft()
            if turn.begins.done():  # gave up
                continue
            turn.begins.set_result(None)
            if await turn.ends:
                group.append(turn)
            # Some errors, a full disk for one, make SQLite roll back everything there and then.
            driver: Any = self._connection.connection.dbapi_connection
            if turn.is_half_done or not driver.in_transaction:
                raise Unavailable("rolled_back")

    def _raw(self) -> Any:
        if self._connection.closed:
            self._connection = self._engine.connect()
        return self._connection.connection.dbapi_connection

    def _begin(self) -> None:
        if self._connection.closed:
            self._connection = self._engine.connect()
        self._connection.begin()

    async def _start_over(self) -> None:
        """Let the connection go; whatever comes of that, the line goes on."""
        try:
            await self._in_thread(self._give_up)
        except Exception:
            log.exception("a connection could not be given up")

    def _give_up(self) -> None:
        # SQLAlchemy takes a COMMIT that failed for the end of the transaction. SQLite does not.
        if not self._connection.closed:
            self._connection.invalidate()
            self._connection.close()

    async def _in_thread(self, step: Callable[[], None]) -> None:
        # No turn is running meanwhile: a connection serves any thread, but one at a time.
        await asyncio.get_running_loop().run_in_executor(self._thread, step)


@contextmanager
def _watched() -> Iterator[None]:
    """Report a unit of work in which the loop turned: it made the whole line wait for something.

    Whether it is kept, fails or is cancelled in the end: the others have waited all the same.
    """
    waited = asyncio.Event()
    asyncio.get_running_loop().call_soon(waited.set)
    try:
        yield
    finally:
        if waited.is_set():
            log.warning("a unit of work waited for something else", stack_info=True)


def _refuse(waiting: list[asyncio.Future[None]], error: Exception) -> None:
    for future in waiting:
        if not future.done():  # it is if nobody waits any more
            future.set_exception(error)


def _session_on(connection: Connection) -> AsyncSession:
    session = AsyncSession(expire_on_commit=False, join_transaction_mode="create_savepoint")
    session.sync_session.bind = connection  # a synchronous one, so that awaiting it never waits
    return session
