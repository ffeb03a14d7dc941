"""The house, to be killed: all of it, with one use case more, which takes a place once a key.

    python -m tests.faults.server

It loads everything once and then, for each line of JSON on standard input, starts a process that
serves; its number is the answer. A start thus takes a tenth of a second instead of two.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from uuid import UUID

from fastapi import FastAPI
from sqlalchemy import ForeignKey, func, select
from sqlalchemy.orm import Mapped, mapped_column
from starlette.requests import Request

import pages
from app import listening, told_to_stop
from benchmarks.ward import INSTITUTION, Own, Slot
from data.base import L2
from data.clock import SystemClock, new_id
from data.crypto import Keys
from data.database import Database
from data.errors import Conflict
from data.institution import Institution
from data.outbox import Delivery
from integrations import api
from integrations.api.base import AnErrand
from pages.routes import Routes
from services.clinic import Clinic
from services.demand import as_it_is
from services.events import Event
from services.policy import HOUSE, Action, Actor, Role
from services.settings import ServerSettings, Settings
from tests.web.people import signed_in

KEYS = Keys(bytes(range(32)))
SLOTS, CAPACITY = 400, 20


class Place(Own):
    """A place that was taken, and by which request: nothing in the table forbids a second one."""

    __tablename__ = "kill_place"

    slot_id: Mapped[UUID] = mapped_column(ForeignKey(Slot.id), info=L2)
    request: Mapped[str] = mapped_column(index=True, info=L2)


class Expected(Own):
    """What the handler of the event made of it, at another time than the place was taken."""

    __tablename__ = "kill_expected"

    place_id: Mapped[UUID] = mapped_column(index=True, info=L2)


class Taken(Event, frozen=True):
    """A place was taken."""

    place_id: UUID


@dataclass(frozen=True, slots=True)
class Orders:
    """What a process is to serve, and where."""

    database: str
    home: str
    port: int


class Desk:
    """The one use case, and its handler."""

    def __init__(self, clinic: Clinic) -> None:
        self._clinic = clinic
        clinic.bus.on(Taken, self.expect)

    async def take(self, actor: Actor, slot_id: UUID, request: str) -> dict[str, str]:
        """Take a place; nothing here keeps the same request from taking a second one."""
        async with self._clinic.transactions.open(actor) as tx:
            slot = await tx.get(Slot, slot_id)
            tx.allow(Action.TASK_RAISE, slot)
            if slot.taken >= slot.capacity:
                raise Conflict("conflict")
            slot.taken += 1
            place = Place(slot_id=slot.id, request=request)
            tx.session.add(place)
            tx.announce(Taken(place_id=place.id))
            return tx.answer({"place": str(place.id)})

    async def expect(self, event: Taken) -> None:
        """Bear to hear it twice: look first."""
        async with self._clinic.transactions.open(HOUSE) as tx:
            tx.go_unnoted("a test")
            known = select(Expected.id).where(Expected.place_id == event.place_id)
            if await tx.session.scalar(known) is None:
                tx.session.add(Expected(place_id=event.place_id))

    async def owed(self) -> int:
        """Return how many deliveries are still to be made."""
        async with self._clinic.database.transaction(write=False) as session:
            query = select(func.count()).select_from(Delivery).where(Delivery.due_at.is_not(None))
            return await session.scalar(query) or 0


@asynccontextmanager
async def opened(orders: Orders) -> AsyncIterator[Clinic]:
    """Open the house."""
    # Plain HTTP on this machine, and rates for a crowd behind one address.
    server = ServerSettings(port=orders.port, tls_port=0, rate_factor=1000)
    database = await Database(orders.database, KEYS.key("db")).open()
    settings = Settings(home=Path(orders.home), server=server)
    clinic = Clinic.open(database, SystemClock(), KEYS, settings)
    try:
        yield clinic
    finally:
        await clinic.close()
        await database.close()


@dataclass(frozen=True, slots=True)
class Furnished:
    """What there is to take, and the sessions of who takes it."""

    slots: list[UUID]
    nurse: str
    administrator: str


async def furnish(orders: Orders) -> Furnished:
    """Make the tables, the slots and the people, before the first start."""
    ids = [new_id() for _ in range(SLOTS)]
    async with opened(orders) as clinic:
        await clinic.database.create_tables()
        await clinic.database.run(Own.metadata.create_all)
        async with clinic.database.transaction(write=True) as session:
            session.add_all(
                Slot(id=each, institution_id=INSTITUTION, capacity=CAPACITY) for each in ids
            )
            session.add(
                Institution(id=INSTITUTION, name="示范", uscc="1", created_at=clinic.clock.now())
            )
        nurse = await signed_in(clinic, Role.NURSE)
        administrator = await signed_in(clinic, Role.SYSTEM_ADMIN)
    return Furnished(ids, nurse.token, administrator.token)


def register(clinic: Clinic, routes: Routes) -> None:
    """Put the desk behind the house's own gate."""
    desk = Desk(clinic)

    @routes.api("POST", "/api/v1/places", action=Action.TASK_RAISE)
    async def take(request: Request, errand: AnErrand) -> dict[str, str]:
        body, key = await request.json(), request.headers["idempotency-key"]
        return await errand.run(
            clinic.once, lambda actor: desk.take(actor, UUID(body["slot"]), key), as_it_is
        )

    @routes.api("GET", "/api/v1/owed", public="a test asks whether all is delivered")
    async def owed() -> int:
        return await desk.owed()


async def serve(orders: Orders) -> None:
    """Serve as `app.serve` does, until told to stop, or killed."""
    async with opened(orders) as clinic:
        await clinic.policy.load()
        server = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
        front = pages.mount(clinic, server, api.register, register)
        settings = clinic.settings
        async with asyncio.TaskGroup() as work, listening(server, settings, None, clinic):
            work.create_task(front.run())
            work.create_task(clinic.bus.run())
            with told_to_stop() as stop:
                await stop.wait()
            front.stop()
            clinic.bus.stop()


def main() -> None:
    """Start a process for each line."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        orders = Orders(**json.loads(line))
        child = os.fork()
        if child == 0:
            sys.stdin.close()
            asyncio.run(serve(orders))
            os._exit(0)
        sys.stdout.write(f"{child}\n")
        sys.stdout.flush()


def line_of(orders: Orders) -> str:
    """Return the orders as `main` reads them."""
    return json.dumps(asdict(orders)) + "\n"


if __name__ == "__main__":
    main()
