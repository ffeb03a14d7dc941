"""Every adapter of the port `SmsSender`, each with the other end of its line: one line joins."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from sqlalchemy import select

from data.messages import CaughtMessage
from integrations.sandbox.messages import SandboxSms
from services.inbox import Tray
from tests.contracts.mailers import Bench


@asynccontextmanager
async def sandbox(database, clock) -> AsyncIterator[Bench]:
    async def arrived():
        async with database.transaction(write=False) as session:
            rows = await session.scalars(select(CaughtMessage).order_by(CaughtMessage.id))
            return [(row.reference, row.address, row.text) for row in rows]

    yield Bench(SandboxSms(Tray(database, clock)), arrived)


ADAPTERS: dict[str, Callable[..., AbstractAsyncContextManager[Bench]]] = {"sandbox": sandbox}
