"""`xinglin serve`: the house at work, its command socket, and the words on the screen."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import typer

from data.errors import NotFound
from jobs.backup import Backup
from jobs.commands.call import Call, Home, at
from jobs.commands.orders import AT_ONCE, ORDERS, Answer, OpenHouse, Order
from jobs.commands.voice import tell
from jobs.control import Control, Handler
from services.addresses import addresses
from services.clinic import Clinic
from services.settings import Settings


def serve(ctx: typer.Context, *, home: Home = None) -> None:
    """Serve the hospital to browsers until the process is told to stop."""
    call = at(ctx, home)
    _refuse_unfounded(call.settings)
    asyncio.run(_served(call))


def _refuse_unfounded(settings: Settings) -> None:
    """Say how to begin where there is nothing yet, instead of making a hospital by accident."""
    if settings.database_url or (settings.home / "xinglin.db").exists():
        return
    raise NotFound("house_not_founded", path=str(settings.home))


async def _served(call: Call) -> None:
    await call.composition.serve(call.settings, partial(attended, call))


@asynccontextmanager
async def attended(call: Call, clinic: Clinic, backup: Backup | None = None) -> AsyncIterator[None]:
    """Listen for commands while the house serves, and say where it can be reached."""
    async with listening(OpenHouse(clinic, backup)):
        for address in addresses(clinic.settings.server, await names_of(call)):
            tell("serve.at", address=address)
        yield
        tell("serve.stopping")


async def names_of(call: Call) -> tuple[str, ...]:
    """Return the names that our certificate is good for."""
    office = call.composition.certificates(call.settings)
    certificate = await asyncio.to_thread(office.current)
    return certificate.names if certificate else ()


@asynccontextmanager
async def listening(house: OpenHouse) -> AsyncIterator[None]:
    """Take orders over the command socket while the block runs."""
    control = Control(house.clinic.settings.home, handlers(house), AT_ONCE)
    await control.open()
    try:
        yield
    finally:
        await control.close()


def handlers(house: OpenHouse) -> dict[str, Handler]:
    """Return every order, to be carried out in this house."""
    return {name: partial(_carry_out, order, house) for name, order in ORDERS.items()}


async def _carry_out(order: Order, house: OpenHouse, arguments: dict[str, Any]) -> Answer:
    return await order(house, arguments)
