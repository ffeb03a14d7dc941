"""Every adapter of the port `SmsSender`, each with the other end of its line: one line joins."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from sqlalchemy import select

from data.clock import SystemClock
from data.messages import CaughtMessage
from integrations.sandbox.messages import SandboxSms
from integrations.sms_gateway import SmsGateway
from services.inbox import Tray
from tests.contracts.mailers import Bench
from tests.gateway import running_gateway


@asynccontextmanager
async def sandbox(database, clock) -> AsyncIterator[Bench]:
    async def arrived():
        async with database.transaction(write=False) as session:
            rows = await session.scalars(select(CaughtMessage).order_by(CaughtMessage.id))
            return [(row.reference, row.address, row.text) for row in rows]

    yield Bench(SandboxSms(Tray(database, clock)), arrived)


@asynccontextmanager
async def http(database, clock) -> AsyncIterator[Bench]:
    """The emulated gateway; it has a clock of its own, and so has the adapter here."""
    with running_gateway() as gateway:

        async def arrived():
            return [(each["reference"], each["to"], each["text"]) for each in gateway.messages()]

        yield Bench(SmsGateway(gateway.settings(), SystemClock()), arrived)


ADAPTERS: dict[str, Callable[..., AbstractAsyncContextManager[Bench]]] = {
    "http": http,
    "sandbox": sandbox,
}
