"""The whole house behind its real gate, and a real browser in front of it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import uvicorn
from fastapi import FastAPI
from nicegui.testing.general import nicegui_reset_globals
from playwright.async_api import Browser

import pages
from pages import Register
from services.clinic import Clinic
from services.settings import Settings
from tests.e2e.chromium import chromium
from tests.peers import free_port


@pytest.fixture
def settings(tmp_path, database_url) -> Settings:
    """A demo, so that the gallery is there."""
    return Settings(home=tmp_path, database_url=database_url, demo=True)


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


@pytest.fixture
async def house(clinic: Clinic) -> AsyncIterator[str]:
    async with served(clinic) as url:
        yield url


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as browser:
        yield browser
