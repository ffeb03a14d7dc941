"""The whole house behind its real gate, and a real browser in front of it.

The browser starts once for all these tests, so they share one loop. Tests that only look share one
hospital too (`found`, a process of its own); tests that do something have a house of their own.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio
import uvicorn
from fastapi import FastAPI
from nicegui.testing.general import nicegui_reset_globals
from playwright.async_api import Browser
from pytest_asyncio import is_async_test

import pages
from data.crypto import Keys
from data.database import Database
from pages import Register
from services.clinic import Clinic
from services.settings import Settings
from tests.e2e.chromium import chromium
from tests.e2e.hospital import Found, hospital
from tests.peers import free_port, need

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let these tests run in the loop of the one browser."""
    shared = pytest.mark.asyncio(loop_scope="session")
    for item in items:
        if item.path.is_relative_to(HERE) and is_async_test(item):
            item.add_marker(shared, append=False)


@pytest.fixture
def settings(tmp_path, database_url) -> Settings:
    """A demo, so that the gallery is there."""
    return Settings(home=tmp_path, database_url=database_url, demo=True)


@pytest_asyncio.fixture(loop_scope="session")
async def database(settings: Settings, keys: Keys) -> AsyncIterator[Database]:
    """As everywhere, in the loop of the browser."""
    database = Database(settings.database, keys.key("db"))
    await database.open()
    yield database
    await database.close()


@asynccontextmanager
async def served(clinic: Clinic, *more: Register) -> AsyncIterator[str]:
    """Serve the house as `xinglin serve` does, in this test's own loop; yields its address."""
    with nicegui_reset_globals():
        server = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
        pages.mount(clinic, server, *more)
        port = free_port()
        config = uvicorn.Config(
            server,
            port=port,
            http="httptools",
            ws="websockets-sansio",
            ws_per_message_deflate=False,
            log_config=None,
            log_level="warning",
            timeout_graceful_shutdown=1,
        )
        running = uvicorn.Server(config)
        serving = asyncio.create_task(running.serve())
        try:
            while not running.started:
                await asyncio.sleep(0.005)
            yield f"http://127.0.0.1:{port}"
        finally:
            running.should_exit = True
            await serving


@pytest_asyncio.fixture(loop_scope="session")
async def house(clinic: Clinic) -> AsyncIterator[str]:
    async with served(clinic) as url:
        yield url


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def browser() -> AsyncIterator[Browser]:
    """Debian's Chromium, started once."""
    async with chromium() as browser:
        yield browser


@pytest.fixture(scope="session")
def found() -> Iterator[Found]:
    """The hospital that is looked at and never changed."""
    need("chromium")
    with hospital() as found:
        yield found
