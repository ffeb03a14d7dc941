"""Those who listen in the tests of the bus, and what there is to hear."""

import asyncio
from contextlib import asynccontextmanager
from datetime import timedelta

from sqlalchemy import select

from data.errors import Conflict
from data.outbox import Delivery
from services.events import Event
from services.policy import HOUSE


class ItHappened(Event, frozen=True):
    """Something that only happens in tests."""

    what: str = ""


class Listener:
    """Hears, and fails as often as it is told to."""

    def __init__(self, failures: int = 0, error: Exception | None = None) -> None:
        self.heard: list[str] = []
        self.failures = failures
        self.error = error or Conflict("slot_full")

    async def hear(self, event: ItHappened) -> None:
        if self.failures:
            self.failures -= 1
            raise self.error
        self.heard.append(event.what)

    async def also_hear(self, event: ItHappened) -> None:
        self.heard.append(f"also {event.what}")


def called(name, handler):
    """Return the handler under another name: two of one class are one in the outbox."""

    async def hear(event):
        await handler(event)

    hear.__qualname__ = name
    return hear


async def announce(clinic, *what: str) -> None:
    async with clinic.transactions.open(HOUSE) as tx:
        tx.go_unnoted("a test")
        tx.announce(*(ItHappened(what=each) for each in what))


async def set_timer(clinic, key, minutes, what="rang"):
    async with clinic.transactions.open(HOUSE) as tx:
        tx.go_unnoted("a test")
        tx.later(key, tx.now + timedelta(minutes=minutes), ItHappened(what=what))


async def ring_and_deliver(bus):
    await bus.ring()
    await bus.deliver()


@asynccontextmanager
async def at_work(bus):
    """Let the bus run as it does in the house."""
    task = asyncio.create_task(bus.run())
    try:
        yield
    finally:
        bus.stop()
        async with asyncio.timeout(10):
            await task


async def until(true):
    async with asyncio.timeout(10):
        while not true():
            await asyncio.sleep(0.01)


async def the_delivery(database) -> Delivery:
    async with database.transaction(write=False) as session:
        happened = Delivery.event.has(name=ItHappened.__name__)
        return (await session.scalars(select(Delivery).where(happened))).one()
