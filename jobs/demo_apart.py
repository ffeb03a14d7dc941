"""Keeps a demo to itself: apart from this machine's hospital, and one process at a time.

The demo is started where a hospital may be set up: its key, its database and its counterparts may
stand in the environment. A demo has all of that in its own folder.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from data.errors import Conflict
from data.sqlite_file import SqliteFile

OURS = "XINGLIN_"
HEARD = ("XINGLIN_SERVER", "XINGLIN_LOG_FORMAT", "XINGLIN_LANGUAGE", "XINGLIN_DEBUG")
"""What a demo is told by the environment: where it listens, and how it speaks."""
CREDENTIALS = "CREDENTIALS_DIRECTORY"
"""Where systemd puts the hospital's key (data/keyring.py)."""


@contextmanager
def own_environment() -> Iterator[None]:
    """Hide from the block whatever the environment says of this machine's hospital."""
    hidden = {name: os.environ.pop(name) for name in tuple(os.environ) if _is_hospitals(name)}
    try:
        yield
    finally:
        os.environ.update(hidden)


def _is_hospitals(name: str) -> bool:
    told = name.upper()  # settings are read whatever the case
    return told == CREDENTIALS or (told.startswith(OURS) and not told.startswith(HEARD))


@contextmanager
def held(home: Path) -> Iterator[None]:
    """Make the folder if need be, and have it to ourselves.

    Raise `Conflict("demo_runs")` if another process builds or serves this demo.
    """
    home.mkdir(0o700, parents=True, exist_ok=True)
    # The folder itself is locked: a file would be one more thing to lie about in it.
    folder = os.open(home, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        _lock(folder, home)
        yield
    finally:
        os.close(folder)


def _lock(folder: int, home: Path) -> None:
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise Conflict("demo_runs", path=str(home)) from None


@contextmanager
def at_rest(database: Path) -> Iterator[Path]:
    """Hold a demo's database while the block runs, and yield the file that must stay for that.

    Raise `Conflict("demo_runs")` if a command or a server works with it.
    """
    file = SqliteFile(database)
    try:
        file.take()
    except Conflict:
        raise Conflict("demo_runs", path=str(database.parent)) from None
    try:
        yield database.with_name(f"{database.name}.lock")
    finally:
        file.release()
