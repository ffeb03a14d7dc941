"""A whole hospital per test: the real services over a real encrypted file, and a clock we hold."""

import logging
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from data.crypto import Keys
from data.database import Database
from services.clinic import Clinic
from services.settings import Settings

pytest_plugins = ["tests.plugin"]

MASTER = bytes(range(32))


class HeldClock:
    """A clock that stands until somebody moves it."""

    def __init__(self) -> None:
        self.time = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)  # a Monday, 16:00 in the hospital

    def now(self) -> datetime:
        return self.time

    def forward(self, **by: float) -> None:
        self.time += timedelta(**by)


@pytest.fixture
def clock() -> HeldClock:
    return HeldClock()


@pytest.fixture
def keys() -> Keys:
    return Keys(MASTER)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


@pytest.fixture
async def database(settings: Settings, keys: Keys) -> AsyncIterator[Database]:
    database = Database(settings.database, keys.key("db"))
    await database.open()
    await database.create_tables()
    yield database
    await database.close()


@pytest.fixture
def clinic(database: Database, clock: HeldClock, keys: Keys, settings: Settings) -> Clinic:
    return Clinic.open(database, clock, keys, settings)


@pytest.fixture(autouse=True)
def nobody_makes_the_line_wait(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """A unit of work that awaits anything but its session fails the test it happens in."""
    yield
    waits = [
        record
        for record in caplog.get_records("call")
        if record.name == "data.writer"
        and record.levelno >= logging.WARNING
        and "waited for something else" in record.getMessage()
    ]
    assert not waits, "a unit of work awaited something other than its session"
