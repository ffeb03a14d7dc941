"""Opening an SQLite file, encrypted or not: once to write, and a few times to read from it."""

import fcntl
import os
from functools import partial
from pathlib import Path
from typing import Any

import aiosqlite
from sqlalchemy import URL, Connection, Engine, QueuePool, create_engine, event
from sqlalchemy.dialects.sqlite.aiosqlite import AsyncAdapt_aiosqlite_dbapi
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlcipher3 import dbapi2 as sqlcipher

from data.errors import Conflict, Invalid

# With synchronous=NORMAL a power cut would take back what we have answered.
PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "busy_timeout=5000",
    "cache_size=-64000",  # what is in the cache need not be decrypted again
    "temp_store=MEMORY",  # no plain text in a temporary file
)
READERS = 4

SAVEPOINT_STEPS = {
    "do_savepoint": "SAVEPOINT",
    "do_rollback_to_savepoint": "ROLLBACK TO SAVEPOINT",
    "do_release_savepoint": "RELEASE SAVEPOINT",
}

DRIVER_NAMES = (
    *("Error", "DatabaseError", "IntegrityError", "OperationalError", "ProgrammingError"),
    *("NotSupportedError", "sqlite_version", "sqlite_version_info"),
    *("PARSE_COLNAMES", "PARSE_DECLTYPES", "Binary"),
)


class SqliteFile:
    """One database file and the right to it."""

    def __init__(self, path: Path, key: bytes | None = None) -> None:
        """`key` is 32 bytes; without it the file is not encrypted (for benchmarks only)."""
        self.path = path.resolve()  # SQLite follows links; log and lock lie where the file is
        self._key = key
        self._lock: int | None = None
        self.keeps_log = False
        """Whether somebody ships the log (data/shipping.py): only they may tidy it away."""

    def take(self) -> None:
        """Take the file for this process alone; raise `Conflict` if another one has it.

        Two writers in two processes would break every promise the one writer makes. A file with a
        second name is refused: each name has a lock and a log of its own.
        """
        if self.path.exists() and self.path.stat().st_nlink > 1:
            raise Conflict("database_two_names", path=self.path.name)
        descriptor = os.open(f"{self.path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise Conflict("database_in_use", path=self.path.name) from None
        self._lock = descriptor

    def release(self) -> None:
        """Let the next process have it."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def connect(self) -> Any:
        """Return a raw connection with our pragmas set; raise `Invalid` if the key does not fit."""
        connection = sqlcipher.connect(
            str(self.path), isolation_level=None, check_same_thread=False
        )
        try:
            if self._key:
                # A key that does not fit is our sentence to say, not the library's to print.
                connection.execute("PRAGMA cipher_log_level=NONE")
                connection.execute(f"PRAGMA key=\"x'{self._key.hex()}'\"")
            self._check_key(connection)
            for pragma in PRAGMAS:
                connection.execute(f"PRAGMA {pragma}")
            if self.keeps_log:
                connection.execute("PRAGMA wal_autocheckpoint=0")
        except BaseException:
            connection.close()
            raise
        return connection

    def _check_key(self, connection: Any) -> None:
        try:
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        except sqlcipher.DatabaseError as error:
            if "not a database" in str(error) or "hmac" in str(error).lower():
                raise Invalid("database_key_wrong", path=self.path.name) from None
            raise

    def writing_engine(self) -> Engine:
        """Return a synchronous engine of one connection."""
        engine = create_engine(
            "sqlite://",
            module=sqlcipher,
            creator=self.connect,
            poolclass=QueuePool,
            pool_size=1,
            max_overflow=0,
            hide_parameters=True,  # what a statement was given is not for logs
        )
        event.listen(engine, "begin", lambda c: c.exec_driver_sql("BEGIN IMMEDIATE"))
        # Every unit of work is a savepoint, and SQLAlchemy compiles the word anew for each.
        for step, words in SAVEPOINT_STEPS.items():
            setattr(engine.dialect, step, partial(_savepoint_step, words))
        return engine

    def reading_engine(self) -> AsyncEngine:
        """Return an asynchronous engine: a long list must not hold up the event loop."""
        engine = create_async_engine(
            URL.create("sqlite+aiosqlite", database=str(self.path)),
            module=_Driver(aiosqlite, sqlcipher),
            pool_size=READERS,
            max_overflow=0,
            pool_timeout=10,
            hide_parameters=True,
            connect_args={"async_creator_fn": self._connect_in_thread},
        )
        event.listen(engine.sync_engine, "connect", _forbid_writing)
        event.listen(engine.sync_engine, "begin", lambda c: c.exec_driver_sql("BEGIN"))
        return engine

    def _connect_in_thread(self, *_: object, **__: object) -> aiosqlite.Connection:
        connection = aiosqlite.Connection(self.connect, iter_chunk_size=64)
        connection._thread.daemon = True  # noqa: SLF001 - as SQLAlchemy does for its own
        return connection


class _Driver(AsyncAdapt_aiosqlite_dbapi):
    """aiosqlite over sqlcipher3, and with the error classes of that."""

    def _init_dbapi_attributes(self) -> None:
        for name in DRIVER_NAMES:
            setattr(self, name, getattr(sqlcipher, name))


def _savepoint_step(words: str, connection: Connection, name: str) -> None:
    connection.exec_driver_sql(f"{words} {name}")


def _forbid_writing(connection: Any, _record: object) -> None:
    connection.execute("PRAGMA query_only=ON")
