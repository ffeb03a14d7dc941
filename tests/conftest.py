"""A whole hospital per test: the real services over a real encrypted database, and a held clock.

Tests of services, data and contracts run twice, on SQLite and on PostgreSQL; all others on SQLite.
`XINGLIN_TEST_DATABASE=sqlite` (or `postgresql`) chooses one; the marks `sqlite` and `postgresql`
tie a test to one.
"""

import os
import shutil
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from data.crypto import Keys
from data.database import Database
from services import i18n
from services.clinic import Clinic
from services.settings import Settings
from tests.postgres import Scratch, scratch

pytest_plugins = ["tests.plugin"]

MASTER = bytes(range(32))
i18n.settle(strict=True)  # a key without a sentence fails the test that meets it
KINDS = ("sqlite", "postgresql")
ON_BOTH = ("services", "data_layer", "contracts")


class HeldClock:
    """A clock that stands until somebody moves it."""

    def __init__(self) -> None:
        self.time = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)  # a Monday, 16:00 in the hospital

    def now(self) -> datetime:
        return self.time

    def forward(self, **by: float) -> None:
        self.time += timedelta(**by)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test once for each database it is meant for."""
    if "kind" in metafunc.fixturenames:
        kinds = kinds_for(metafunc.definition, "database" in metafunc.fixturenames)
        metafunc.parametrize("kind", kinds, indirect=True)


def kinds_for(item: pytest.Item, opens_it: bool) -> list[str]:
    """Return the databases a test runs on: by its marks, its place, and what it asks for."""
    marked = [kind for kind in KINDS if item.get_closest_marker(kind)]
    folder = item.path.relative_to(Path(__file__).parent).parts[0]
    meant = marked or (list(KINDS) if opens_it and folder in ON_BOTH else ["sqlite"])
    chosen = os.environ.get("XINGLIN_TEST_DATABASE", "")
    return [kind for kind in meant if kind == chosen] if chosen else meant


@pytest.fixture
def clock() -> HeldClock:
    return HeldClock()


@pytest.fixture
def keys() -> Keys:
    return Keys(MASTER)


@pytest.fixture(scope="session")
def scratch_postgresql() -> Iterator[Scratch]:
    """A server for all tests of this process; it starts with the first one that asks."""
    with scratch() as server:
        yield server


@pytest.fixture(scope="session")
def empty_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where an SQLite database with all tables lies, to be copied (see `file_with_tables`)."""
    return tmp_path_factory.mktemp("empty") / "xinglin.db"


async def file_with_tables(path: Path, keys: Keys) -> Path:
    """Make the file with all tables once: a copy of it takes a hundredth of the time."""
    if not path.exists():
        database = await Database(f"sqlite:///{path}", keys.key("db")).open()
        await database.create_tables()
        await database.close()
    return path


@pytest.fixture
def kind(request: pytest.FixtureRequest) -> str:
    """Which database this test runs on."""
    return str(request.param)


@pytest.fixture
async def database_url(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path, keys: Keys
) -> AsyncIterator[str]:
    """The address of a database with all tables and nothing in them."""
    if kind == "postgresql":
        async with request.getfixturevalue("scratch_postgresql").database() as url:
            yield url
    else:
        empty = await file_with_tables(request.getfixturevalue("empty_file"), keys)
        shutil.copyfile(empty, tmp_path / "xinglin.db")
        yield ""


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    return Settings(home=tmp_path, database_url=database_url)


@pytest.fixture
async def database(settings: Settings, keys: Keys) -> AsyncIterator[Database]:
    database = Database(settings.database, keys.key("db"))
    await database.open()
    yield database
    await database.close()


@pytest.fixture
def clinic(database: Database, clock: HeldClock, keys: Keys, settings: Settings) -> Clinic:
    return Clinic.open(database, clock, keys, settings)


@pytest.fixture(autouse=True)
def nobody_makes_the_line_wait(
    request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture
) -> Iterator[None]:
    """A unit of work that awaits anything but its session fails the test it happens in.

    Except under the mark `may_wait`, for tests of what happens then.
    """
    yield
    waits = [
        record
        for record in caplog.get_records("call")
        if record.name == "data.writer" and "waited for something else" in record.getMessage()
    ]
    if not request.node.get_closest_marker("may_wait"):
        assert not waits, "a unit of work awaited something other than its session"
