"""Does what a key asks for once: a repeated request is told what came of the first. (R152)

The key is claimed, durably, before anything is done, and answered afterwards. After a crash in
between it is known that the outcome is not known: the caller is told to look, and nothing is ever
done twice.
"""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError

from data.clock import Clock
from data.database import Database
from data.errors import Conflict, DomainError, Invalid
from data.outbox import Answered
from services.idempotency import LONGEST_KEY, Running, digest

CLAIMED = ""
"""The answer of a key whose work has begun."""


@dataclass(frozen=True, slots=True)
class Demand:
    """A request that names its key."""

    scope: str
    """Who asks for what: keys of others, or for other things, are other keys."""
    key: str
    body: Any


class OnceOnly:
    """The memory of demands."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._running = Running()

    async def do(
        self,
        demand: Demand,
        act: Callable[[], Awaitable[Any]],
        *,
        kept: Callable[[Any], Any] = lambda answer: answer,
    ) -> Any:
        """Return what `act` returns, or what it returned to the same demand before.

        `kept` leaves out of the memory what must be shown only once. Raise
        `Invalid("idempotency_key_reused")` (422) for a key that came with another body, `Conflict`
        (409): `still_running` while a twin is at work, `outcome_unknown` after a crash.
        """
        if not demand.key or len(demand.key) > LONGEST_KEY:
            raise Invalid("idempotency_key_malformed")
        with self._running.alone(demand.scope, demand.key):
            known = await self._known(demand)
            if known is not None:
                return known.answer
            await self._claim(demand)
            try:
                answer = await act()
            except DomainError:
                await self._forget(demand)  # refused: nothing was done
                raise
            await self._settle(demand, json.dumps(kept(answer), default=str))
            return answer

    async def _known(self, demand: Demand) -> "Known | None":
        async with self._database.transaction(write=False) as session:
            row = await session.scalar(select(Answered).where(*_same(demand)))
            if row is None:
                return None
            if row.body_digest != digest(demand.body):
                raise Invalid("idempotency_key_reused")
            if row.answer == CLAIMED:
                raise Conflict("outcome_unknown")
            return Known(json.loads(row.answer))

    async def _claim(self, demand: Demand) -> None:
        row = Answered(
            scope=demand.scope,
            key=demand.key,
            body_digest=digest(demand.body),
            answer=CLAIMED,
            at=self._clock.now(),
        )
        try:
            async with self._database.transaction(write=True) as session:
                session.add(row)
                await session.flush()
        except IntegrityError:  # another process of ours was faster
            raise Conflict("still_running", retry_after=1) from None

    async def _settle(self, demand: Demand, answer: str) -> None:
        async with self._database.transaction(write=True) as session:
            await session.execute(update(Answered).where(*_same(demand)).values(answer=answer))

    async def _forget(self, demand: Demand) -> None:
        async with self._database.transaction(write=True) as session:
            await session.execute(delete(Answered).where(*_same(demand)))


@dataclass(frozen=True, slots=True)
class Known:
    """An answer that was given."""

    answer: Any


def _same(demand: Demand) -> tuple[Any, Any]:
    return (Answered.scope == demand.scope, Answered.key == demand.key)
