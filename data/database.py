"""Opening the database and a unit of work in it; the only file that knows which database it is.

SQLite: one writer (data/writer.py) and a small pool that can only read. PostgreSQL looks after
itself. Above this file the code is the same for both.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Dialect, ExceptionContext, NullPool, event, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError

from data.crypto import Keys
from data.errors import Conflict, NotFound, Unavailable
from data.house_lock import HouseLock
from data.sealed import unlock
from data.sqlite_file import SqliteFile
from data.writer import LONGEST_LINE, Writer, follow

T = TypeVar("T")

CONNECTIONS = 10  # PostgreSQL
POOL_SECONDS = 10  # somebody waits for one of them before they hear that the house is busy

# What the drivers say, and the code of the sentence for it.
COMPLAINTS = (
    ("database or disk is full", "disk_full"),
    ("disk I/O error", "disk_failed"),
    ("readonly database", "disk_read_only"),
    ("unable to open database file", "database_not_reachable"),
    ("malformed", "database_damaged"),
    ("not a database", "database_damaged"),
    ("No space left", "disk_full"),
    ("Read-only file system", "disk_read_only"),
    ("Permission denied", "disk_read_only"),
)


class PooledSession(Session):
    """The session of a unit of work on a pooled connection."""


@event.listens_for(PooledSession, "after_commit")
def _follow(session: Session) -> None:
    # Not after the `async with`: whoever is cancelled during the COMMIT never gets that far.
    if not session.in_nested_transaction():
        follow(session.info.get("after", []))


class Database:
    """One open database."""

    def __init__(self, url: str, key: bytes | None = None) -> None:
        """`key` (32 bytes) encrypts an SQLite file as a whole; PostgreSQL has no use for it."""
        self.url = make_url(url)
        self.kind = self.url.get_backend_name()
        self.engine: AsyncEngine
        self._file: SqliteFile | None = None
        self._writer: Writer | None = None
        self._lock: HouseLock | None = None
        self._in_line = 0
        if self.kind == "sqlite":
            self._file = SqliteFile(Path(self.url.database or ""), key)
            self.engine = self._file.reading_engine()
        else:
            self.engine = self._server(
                pool_size=CONNECTIONS, max_overflow=0, pool_timeout=POOL_SECONDS
            )
        self._writing, self._reading = (
            async_sessionmaker(engine, expire_on_commit=False, sync_session_class=PooledSession)
            for engine in (self.engine, self.engine.execution_options(postgresql_readonly=True))
        )
        self._closed = False
        self._farewells: list[Callable[[], Awaitable[None]]] = []

    def _server(self, **pool: Any) -> AsyncEngine:
        # What a statement was given is not for logs.
        engine = create_async_engine(self.url, hide_parameters=True, **pool)
        event.listen(engine.sync_engine, "handle_error", _leave_out_the_detail)
        event.listen(engine.sync_engine, "do_connect", _reach)
        return engine

    @property
    def path(self) -> Path | None:
        """The file, if it is one."""
        return self._file.path if self._file else None

    @property
    def file(self) -> SqliteFile:
        """The file, for those who copy it or its log; raise if this is no SQLite."""
        if not self._file:
            raise Unavailable("only_for_sqlite")
        return self._file

    @property
    def waiting(self) -> int:
        """How many units of work stand in line: for SQLite's writer, for PostgreSQL's pool."""
        return self._writer.waiting if self._writer else self._in_line

    async def open(self) -> "Database":
        """Take the database for this process; raise if another has it, or the key is not its."""
        try:
            if self._file:
                self._writer = await asyncio.to_thread(self._open_file, self._file)
            else:
                await self._take_server()
        except (DBAPIError, OSError) as error:
            await self._leave_server()
            raise Unavailable(_code_of(error) or "database_not_reachable") from error
        except BaseException:
            await self._leave_server()
            raise
        return self

    @staticmethod
    def _open_file(file: SqliteFile) -> Writer:
        if not file.path.parent.is_dir():
            raise NotFound("database_folder_missing", path=file.path.parent.name)
        file.take()
        try:
            return Writer(file.writing_engine())
        except BaseException:
            file.release()
            raise

    async def _take_server(self) -> None:
        apart = self._server(poolclass=NullPool, isolation_level="AUTOCOMMIT")
        self._lock = HouseLock(apart, self.url.database or "")
        await self._lock.take()

    async def _leave_server(self) -> None:
        if self._lock is not None:
            await self._lock.release()
        await self.engine.dispose()

    def unlock(self, keys: Keys) -> None:
        """Let sealed columns be read and written with these keys, once open (data/sealed.py)."""
        unlock(self.engine.sync_engine.dialect, keys)
        if self._writer:
            unlock(self._writer.dialect, keys)

    def transaction(self, *, write: bool) -> AbstractAsyncContextManager[AsyncSession]:
        """Yield the session of one unit of work, committed when the block is left without error.

        Callables appended to `session.info["after"]` run once it is committed, even if the
        caller has been cancelled meanwhile.
        """
        if self._closed:
            raise Unavailable("database_closed")
        if write and self._writer:
            return _complaining(self._writer.transaction())
        return _complaining(self._pooled(write=write))

    @asynccontextmanager
    async def _pooled(self, *, write: bool) -> AsyncIterator[AsyncSession]:
        async with (self._writing if write else self._reading).begin() as session:
            session.info["after"] = []
            if self._lock is None:
                yield session
                return
            self._require_lock(write=write)
            await self._stand_in_line(session)
            yield session
            self._require_lock(write=write)  # it may be gone since: then nothing is kept

    def _require_lock(self, *, write: bool) -> None:
        if write and self._lock is not None:
            self._lock.require()

    async def _stand_in_line(self, session: AsyncSession) -> None:
        """Wait for a connection of the pool; count who does."""
        if self._in_line >= LONGEST_LINE:
            raise Unavailable("busy", retry_after=2)
        self._in_line += 1
        try:
            _held = await session.connection()
        finally:
            self._in_line -= 1

    async def between_groups(self, step: Callable[[Any], T]) -> T:
        """Run `step` with SQLite's raw connection while nobody writes (see `Writer`)."""
        if not self._writer:
            raise Unavailable("only_for_sqlite")
        return await self._writer.between_groups(step)

    async def run(self, change: Callable[[Connection], T]) -> T:
        """Run schema work on a plain connection, as one transaction; for migrations."""
        async with self.transaction(write=True) as session:
            return await session.run_sync(lambda sync: change(sync.connection()))

    async def create_tables(self) -> None:
        """For tests; a hospital's database is made by the migrations."""
        from data.tables import metadata  # noqa: PLC0415 - the tables know this file

        await self.run(metadata.create_all)

    def at_close(self, farewell: Callable[[], Awaitable[None]]) -> None:
        """Have this done when the database is being closed, while it still works."""
        self._farewells.append(farewell)

    async def close(self) -> None:
        """Finish what stands in line and let the next process have the database."""
        while self._farewells:
            await self._farewells.pop()()
        self._closed = True
        await self._leave_server()  # readers first: the last one out tidies the log away
        if self._writer:
            await self._writer.close()
        if self._file:
            self._file.release()


@asynccontextmanager
async def _complaining(
    unit: AbstractAsyncContextManager[AsyncSession],
) -> AsyncIterator[AsyncSession]:
    """Give the failures of the machine their names; those of the caller pass as they are."""
    try:
        async with unit as session:
            yield session
    except StaleDataError:
        raise Conflict("changed_meanwhile") from None
    except PoolTimeoutError:
        raise Unavailable("busy", retry_after=2) from None
    except DBAPIError as error:
        code = _code_of(error)
        if code is None:
            raise
        raise Unavailable(code) from error


def _code_of(error: Exception) -> str | None:
    """Return the code for what a driver or the system says, if there is one."""
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return "database_not_reachable"
    said = str(error.orig if isinstance(error, DBAPIError) else error)
    return next((code for words, code in COMPLAINTS if words in said), None)


def _reach(dialect: Dialect, _record: object, args: Sequence[Any], options: dict[str, Any]) -> Any:
    """Connect; whatever is in the way, the server cannot be reached."""
    try:
        return dialect.connect(*args, **options)
    except Exception as error:
        raise Unavailable("database_not_reachable") from error


def _leave_out_the_detail(context: ExceptionContext) -> None:
    """Take out of PostgreSQL's complaint the line that quotes the row: logs are no place for it."""
    error = context.sqlalchemy_exception
    if error is not None:
        said, found, _ = str(error.args[0]).partition("\nDETAIL:")
        error.args = (said, *error.args[1:]) if found else error.args
