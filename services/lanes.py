"""Brings what is owed to its handlers, each in a lane of its own: a slow one holds up only itself.

In a lane things are told one at a time and first in the order they came in. One that fails is told
again later, after those that came behind it: a handler that needs the order reads what is true
now. A delivery counts as made once that is written down, so that after a fall it is made again:
at least once.
"""

import asyncio
import logging
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from data.clock import Clock
from data.database import Database
from data.errors import DomainError
from data.outbox import Delivery
from services.events import Event

log = logging.getLogger(__name__)

Handler = Callable[[Any], Awaitable[None]]

MOST_TRIES = 20
LONGEST_WAIT = timedelta(hours=1)
BATCH = 100
TIMER = "timer"
"""The handler of what a timer could not announce: replayed, it is announced after all."""
LONGEST_HANDLING = 60.0  # seconds; what else this handler is owed waits that long


@dataclass(frozen=True, slots=True)
class Owed:
    """A delivery, apart from the database."""

    id: UUID
    event_id: UUID
    event_name: str
    payload: str
    handler: str


class Lanes:
    """Those who deliver: at most one for each handler, which ends when its batch is delivered."""

    def __init__(
        self, database: Database, clock: Clock, handlers: Mapping[str, Mapping[str, Handler]]
    ) -> None:
        self._database = database
        self._clock = clock
        self._handlers = handlers
        self._busy: dict[str, asyncio.Task[None]] = {}
        self._troubled: set[str] = set()
        self._looking = asyncio.Lock()
        self.troubles: deque[Exception] = deque(maxlen=1)
        """What last kept a lane from going on."""
        self.at_rest = False
        """Set to let each lane end after the delivery it is making."""
        self.ring: Callable[[Owed], Awaitable[None]]
        """Makes a delivery to `TIMER`."""
        self.call_for_help: Callable[[Session, str, str], None]
        """Told of handler and event in the unit of work that parks a delivery."""
        self.freed: Callable[[], None] = lambda: None
        """Told whenever a lane has come to its end without trouble: there may be more for it."""

    async def set_off(self, work: asyncio.TaskGroup) -> bool:
        """Start a lane in `work` for each handler that is owed something now and has none.

        Return whether any lane is under way. One that meets trouble is left alone until the next
        time.
        """
        async with self._looking:  # two who look at once would deliver the same twice
            self._troubled.clear()
            while not self.at_rest:
                before = len(self._busy)
                due = await self._due({*self._busy, *self._troubled})
                if not due and len(self._busy) == before:
                    break  # else a lane ended while we looked: what it brought about we may miss
                batches: dict[str, list[Owed]] = defaultdict(list)
                for owed in due:
                    batches[owed.handler].append(owed)
                for handler, batch in batches.items():
                    lane = self._drive(handler, batch)
                    self._busy[handler] = work.create_task(lane, name=f"lane of {handler}")
            return bool(self._busy)

    async def one_ends(self) -> None:
        """Wait until one of the lanes under way has come to its end."""
        if self._busy:
            await asyncio.wait(self._busy.values(), return_when=asyncio.FIRST_COMPLETED)

    async def _drive(self, handler: str, batch: list[Owed]) -> None:
        """Make one handler's deliveries, one after the other."""
        try:
            for owed in batch:
                if self.at_rest:
                    break
                await self._attempt(owed)
        except Exception as trouble:
            self._troubled.add(handler)
            self.troubles.append(trouble)
            if isinstance(trouble, DomainError):  # a full disk, say: it is still owed afterwards
                log.warning("deliveries to %s wait: %s", handler, trouble.code)
            else:
                log.exception("deliveries to %s wait for the next round", handler)
        else:
            self.freed()
        finally:
            del self._busy[handler]

    async def _due(self, but: Collection[str]) -> list[Owed]:
        async with self._database.transaction(write=False) as session:
            now = self._clock.now()
            due = or_(
                Delivery.due_at <= now,
                # The clock was set back: nothing waits for the first try, or longer than longest.
                Delivery.due_at.is_not(None) & (Delivery.attempts == 0),
                Delivery.due_at > now + LONGEST_WAIT,
            )
            query = select(Delivery).where(due, Delivery.handler.not_in(but))
            rows = await session.scalars(query.order_by(Delivery.due_at, Delivery.id).limit(BATCH))
            return [
                Owed(row.id, row.event_id, row.event.name, row.event.payload, row.handler)
                for row in rows
            ]

    async def _attempt(self, owed: Owed) -> None:
        problem: BaseException | None = None
        try:
            async with asyncio.timeout(LONGEST_HANDLING):
                await self._hand_over(owed)
        except (Exception, asyncio.CancelledError) as error:
            if _is_cancelled():
                raise
            log.warning("%s failed on %s: %s", owed.handler, owed.event_name, type(error).__name__)
            problem = error
        await self._settle(owed.id, problem)

    async def _hand_over(self, owed: Owed) -> None:
        if owed.handler == TIMER:
            await self.ring(owed)
            return
        # A handler that is gone since is a KeyError: parked in the end, for a person to judge.
        handler = self._handlers[owed.event_name][owed.handler]
        await handler(read(owed.event_name, owed.payload))

    async def _settle(self, delivery_id: UUID, problem: BaseException | None) -> None:
        async with self._database.transaction(write=True) as session:
            row = await session.get_one(Delivery, delivery_id)
            now = self._clock.now()
            row.attempts += 1
            row.error = None if problem is None else named(problem)
            if problem is None:
                row.due_at = None
            elif row.attempts >= MOST_TRIES:
                row.due_at, row.parked_at = None, now
                await session.run_sync(self.call_for_help, row.handler, row.event.name)
            else:
                row.due_at = now + min(timedelta(seconds=2**row.attempts), LONGEST_WAIT)


def _is_cancelled() -> bool:
    """Tell whether it is us who are to end, and not something that a handler was waiting for."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def read(name: str, payload: str) -> Event:
    """Return a kept event; raise `KeyError` or `ValueError` for one of another version of ours."""
    return Event.catalogue[name].model_validate_json(payload)


def handler_name(handler: Handler) -> str:
    """Return what a handler is called in the outbox, for good."""
    return f"{handler.__module__}.{handler.__qualname__}"


def named(problem: BaseException) -> str:
    """Return the kind of a problem and its code, never its text: that may hold personal data."""
    return problem.code if isinstance(problem, DomainError) else type(problem).__name__
