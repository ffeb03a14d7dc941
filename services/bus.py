"""Tells what has happened: to open pages at once, to other modules at least once."""

import asyncio
import logging
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Connection, CursorResult, Table, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from data.clock import Clock, new_id
from data.database import Database
from data.errors import DomainError
from data.outbox import Delivery, OutboxEvent, Timer
from services.events import DeliveryParked, Event
from services.lanes import BATCH, TIMER, Handler, Lanes, Owed, handler_name, named, read

log = logging.getLogger(__name__)

Watcher = Callable[[Event], None]
TimerSetting = tuple[str, datetime, Event | None]

POLL_SECONDS = 1.0  # how late a timer may ring
KEPT_FOR = timedelta(days=30)
TRIES_TO_RING = 3
"""In so many rounds a timer may fail for reasons of the moment before it is set aside."""

TIMERS = cast("Table", Timer.__table__)
HAPPENED = insert(cast("Table", OutboxEvent.__table__))
OWED = insert(cast("Table", Delivery.__table__))


class Bus:
    """The outbox's clerk: keeps what is announced and brings it to its handlers."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._handlers: dict[str, dict[str, Handler]] = defaultdict(dict)
        self._watchers: list[Watcher] = []
        self._wake = asyncio.Event()
        self._rest = asyncio.Event()
        self._lanes = Lanes(database, clock, self._handlers)
        self._lanes.freed = self._wake.set
        self._lanes.ring = self._ring_late
        self._lanes.call_for_help = self._call_for_help
        self._failures: Counter[UUID] = Counter()
        """In how many rounds a timer could not ring."""
        self.pause: Callable[[], float] = lambda: 0.0
        """Seconds that an open page lets pass between two updates; the load decides."""

    def on(self, event: type[Event], *handlers: Handler) -> None:
        """Run each handler, in a unit of work of its own, for every `event` there will be."""
        for handler in handlers:
            self._handlers[event.__name__][handler_name(handler)] = handler

    def watch(self, watcher: Watcher) -> Callable[[], None]:
        """Tell `watcher` of every event once it is committed; returns how to stop that.

        A hint for open pages: it may be lost, since a page reads the truth when it is opened.
        """
        self._watchers.append(watcher)
        return lambda: self._watchers.remove(watcher) if watcher in self._watchers else None

    @property
    def handlers(self) -> dict[str, tuple[str, ...]]:
        """Which handlers hear of which event, by name."""
        return {event: tuple(named) for event, named in self._handlers.items() if named}

    def keep(
        self, connection: Connection, events: Sequence[Event], timers: Sequence[TimerSetting]
    ) -> None:
        """Owe the events to their handlers, in the unit of work that makes them true.

        On the connection, as the audit trail is written: every unit of work comes by here.
        """
        if events:
            self._owe(
                connection,
                [(each.event_id, type(each).__name__, each.model_dump_json()) for each in events],
            )
        for key, due_at, later in timers:
            connection.execute(delete(TIMERS).where(TIMERS.c.key == key))
            if later is not None:
                name, payload = type(later).__name__, later.model_dump_json()
                row = {"id": new_id(), "key": key, "due_at": due_at, "name": name}
                connection.execute(insert(TIMERS), [{**row, "payload": payload}])

    def _owe(self, connection: Connection, events: Sequence[tuple[UUID, str, str]]) -> None:
        now = self._clock.now()
        connection.execute(
            HAPPENED,
            [
                {"id": event_id, "name": name, "payload": payload, "at": now}
                for event_id, name, payload in events
            ],
        )
        owed = [
            {"id": new_id(), "event_id": event_id, "handler": handler, "due_at": now, "attempts": 0}
            for event_id, name, _ in events
            for handler in self._handlers[name]
        ]
        if owed:
            connection.execute(OWED, owed)

    def tell(self, *events: Event) -> None:
        """Give the watchers their hint, and have the deliveries begin."""
        for event in events:
            for watcher in tuple(self._watchers):
                try:
                    watcher(event)
                except Exception:  # a page's trouble is not that of the next page
                    log.exception("a watcher failed on %s", type(event).__name__)
        if events:
            self._wake.set()

    async def run(self) -> None:
        """Ring and deliver for as long as the process lives; neither waits for the other."""
        async with asyncio.TaskGroup() as work:
            work.create_task(self._keep_ringing(), name="timers")
            while not self._rest.is_set():
                self._wake.clear()
                await _tried(self._lanes.set_off(work))
                await _woken(self._wake)

    async def _keep_ringing(self) -> None:
        while not self._rest.is_set():
            await _tried(self.ring())
            await _woken(self._rest)

    def stop(self) -> None:
        """Let `run` come to its end after what it is doing."""
        self._rest.set()
        self._wake.set()
        self._lanes.at_rest = True

    async def ring(self) -> None:
        """Announce what timers say is due now; one that cannot ring holds up no other."""
        stuck: set[UUID] = set()
        while due := await self._due_timers(stuck):
            for timer_id in due:
                if self._rest.is_set():  # it rings when we come back
                    return
                if not await self._rings(timer_id):
                    stuck.add(timer_id)

    async def _due_timers(self, but: Collection[UUID]) -> list[UUID]:
        async with self._database.transaction(write=False) as session:
            due = select(Timer.id).where(Timer.due_at <= self._clock.now(), Timer.id.not_in(but))
            return list(await session.scalars(due.order_by(Timer.due_at).limit(BATCH)))

    async def _rings(self, timer_id: UUID) -> bool:
        """Let one timer ring, or set it aside; return whether it is out of the way."""
        try:
            await self._ring(timer_id, self._ring_one)
        except DomainError:
            raise  # a full disk, say: no other would ring either
        except Exception as problem:
            self._failures[timer_id] += 1
            if self._failures[timer_id] < TRIES_TO_RING:
                log.exception("a timer could not ring, and will in the next round")
                return False
            kind = named(problem)
            await self._ring(timer_id, lambda session, timer: self._set_aside(session, timer, kind))
        self._failures.pop(timer_id, None)
        return True

    async def _ring(self, timer_id: UUID, act: Callable[[Session, Timer], None]) -> None:
        async with self._database.transaction(write=True) as session:
            timer = await session.get(Timer, timer_id, with_for_update=True)
            if timer is None or timer.due_at > self._clock.now():
                return  # moved or taken back meanwhile
            await session.delete(timer)
            await session.run_sync(act, timer)

    def _ring_one(self, session: Session, timer: Timer) -> None:
        try:
            event = read(timer.name, timer.payload)
        except (KeyError, ValueError) as problem:  # of another version of ours: for a person to see
            self._set_aside(session, timer, named(problem))
        else:
            self._owe(session.connection(), [(event.event_id, timer.name, timer.payload)])
            session.info["after"].append(lambda: self.tell(event))

    def _set_aside(self, session: Session, timer: Timer, problem: str) -> None:
        """Park what a timer cannot announce, where people see it and may have it told again."""
        log.warning("timer %s cannot ring: %s", timer.name, problem)
        now = self._clock.now()
        unheard = OutboxEvent(name=timer.name, payload=timer.payload, at=now)
        parked = Delivery(event_id=unheard.id, handler=TIMER, due_at=None, parked_at=now)
        parked.error = problem
        session.add_all([unheard, parked])
        self._call_for_help(session, TIMER, timer.name)

    def _call_for_help(self, session: Session, handler: str, name: str) -> None:
        """Announce that a delivery is parked, unless it is this that nobody could be told."""
        if name == DeliveryParked.__name__:
            return
        event = DeliveryParked(handler=handler, of=name)
        self._owe(
            session.connection(), [(event.event_id, type(event).__name__, event.model_dump_json())]
        )
        session.info["after"].append(lambda: self.tell(event))

    async def _ring_late(self, owed: Owed) -> None:
        """Announce what a timer could not; those who have been told of it are not told again."""
        event = read(owed.event_name, owed.payload)
        async with self._database.transaction(write=True) as session:
            query = select(Delivery.handler).where(Delivery.event_id == owed.event_id)
            told, now = set(await session.scalars(query)), self._clock.now()
            session.add_all(
                Delivery(event_id=owed.event_id, handler=handler, due_at=now)
                for handler in self._handlers[owed.event_name]
                if handler not in told
            )
            session.info["after"].append(lambda: self.tell(event))

    async def deliver(self) -> None:
        """Make every delivery that is due now, and those that these bring about.

        Trouble in one lane is raised when the others are at rest: none runs on unowned.
        """
        lanes = self._lanes
        lanes.troubles.clear()
        async with asyncio.TaskGroup() as work:
            try:
                while not lanes.troubles and await lanes.set_off(work):
                    await lanes.one_ends()
            except Exception as trouble:  # noqa: BLE001 - raised below, outside the group
                lanes.troubles.append(trouble)
        if lanes.troubles:
            raise lanes.troubles[0]

    async def parked(self) -> int:
        """Return how many deliveries nobody tries any more."""
        async with self._database.transaction(write=False) as session:
            query = (
                select(func.count()).select_from(Delivery).where(Delivery.parked_at.is_not(None))
            )
            return await session.scalar(query) or 0

    async def replay(self, session: AsyncSession, delivery_id: UUID) -> bool:
        """Try a parked delivery again from the start; return whether there was one."""
        result = await session.execute(
            update(Delivery)
            .where(Delivery.id == delivery_id, Delivery.parked_at.is_not(None))
            .values(parked_at=None, due_at=self._clock.now(), attempts=0)
        )
        session.info["after"].append(self._wake.set)
        return cast("CursorResult[Any]", result).rowcount > 0

    async def prune(self, most: int = 1000) -> int:
        """Forget up to `most` events that everybody has had and that are a month old."""
        waiting = select(Delivery.event_id).where(
            Delivery.due_at.is_not(None) | Delivery.parked_at.is_not(None)
        )
        old = (
            select(OutboxEvent.id)
            .where(OutboxEvent.at < self._clock.now() - KEPT_FOR, OutboxEvent.id.not_in(waiting))
            .order_by(OutboxEvent.at)
            .limit(most)
        )
        async with self._database.transaction(write=True) as session:
            ids = list(await session.scalars(old))
            await session.execute(delete(Delivery).where(Delivery.event_id.in_(ids)))
            await session.execute(delete(OutboxEvent).where(OutboxEvent.id.in_(ids)))
        return len(ids)


async def _tried(chore: Awaitable[object]) -> None:
    """Do this now, or in the next round: whatever goes wrong, there is one."""
    try:
        await chore
    except DomainError as trouble:  # a full disk, say: it is still owed afterwards
        log.warning("deliveries wait: %s", trouble.code)
    except Exception:
        log.exception("deliveries wait for the next round")


async def _woken(wake: asyncio.Event) -> None:
    """Wait for this, but no longer than until the next round."""
    with suppress(TimeoutError):
        await asyncio.wait_for(wake.wait(), timeout=POLL_SECONDS)
