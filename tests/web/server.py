"""The whole server as a hospital runs it, on a free port of this machine, inside the test.

    async with whole_house(clinic) as house: ...        # everything, as app.py composes it
    async with running(clinic, register) as house:      # register(routes) adds the pages
        async with Browser(house.url, token) as browser: ...

It runs in the test's own loop, so that a test may also look at what the server holds.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import uvicorn
from fastapi import FastAPI
from nicegui import ui
from nicegui.testing.general import nicegui_reset_globals

import app
from pages.routes import Routes
from pages.security.entrance import stand
from pages.security.front import Front, Surroundings
from pages.security.limits import Rates
from pages.security.origins import OwnNames
from services.clinic import Clinic

Register = Callable[[Routes], None]


@dataclass(frozen=True, slots=True)
class House:
    """A running server."""

    url: str
    front: Front
    server: FastAPI
    clinic: Clinic


@asynccontextmanager
async def running(
    clinic: Clinic,
    *register: Register,
    rates: Rates | None = None,
    watched: bool = False,
) -> AsyncIterator[House]:
    """Serve the pages that each of `register` adds, behind the real gate.

    `rates` default to a hundred times the usual: a test is a crowd. `watched` also runs the
    background watch over load and sessions, which most tests do not need.
    """
    place = Surroundings(OwnNames.of(), rates=rates or Rates().times(100))
    with nicegui_reset_globals():
        server = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
        front = _with_pages(clinic, server, place, register)
        async with listening(server) as url, _watched(front if watched else None):
            yield House(url, front, server, clinic)


@asynccontextmanager
async def whole_house(clinic: Clinic, *, watched: bool = False) -> AsyncIterator[House]:
    """Serve everything as `app.build` composes it: every page, plain route and the API."""
    clinic.settings.server.rate_factor = 100.0
    with nicegui_reset_globals():
        server, front = app.build(clinic)
        async with listening(server) as url, _watched(front if watched else None):
            yield House(url, front, server, clinic)


def _with_pages(
    clinic: Clinic, server: FastAPI, place: Surroundings, register: tuple[Register, ...]
) -> Front:
    front = stand(server, clinic, clinic.sessions, place)
    for each in register:
        each(front.routes)
    ui.run_with(
        server,
        title="Xinglin",
        language="zh-CN",
        binding_refresh_interval=None,
        reconnect_timeout=5,
        show_welcome_message=False,
        gzip_middleware_factory=None,
    )
    return front


@asynccontextmanager
async def listening(server: FastAPI) -> AsyncIterator[str]:
    """Serve on a free port; yield the address."""
    door = socket.socket()
    door.bind(("127.0.0.1", 0))
    config = uvicorn.Config(
        server,
        http="httptools",
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        proxy_headers=False,
        server_header=False,
        log_config=None,
        log_level="warning",
        timeout_graceful_shutdown=1,
    )
    uvicorn_server = uvicorn.Server(config)
    serving = asyncio.create_task(uvicorn_server._serve([door]))
    try:
        while not uvicorn_server.started:
            if serving.done():
                serving.result()
            await asyncio.sleep(0.005)
        yield f"http://127.0.0.1:{door.getsockname()[1]}"
    finally:
        uvicorn_server.should_exit = True
        await serving
        door.close()


@asynccontextmanager
async def _watched(front: Front | None) -> AsyncIterator[None]:
    if front is None:
        yield
        return
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(front.run())
        yield
        front.stop()
