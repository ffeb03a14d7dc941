"""Does what a key asks for once: asked again, the first answer is given again. (R033, R152)

The answer is kept in the unit of work that makes it true. Wherever a fall comes, there is either
nothing at all, and the key is as good as new, or both: no key is ever left without an answer.
"""

import json
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select
from sqlalchemy.exc import IntegrityError

from data.clock import new_id
from data.database import Database
from data.errors import Conflict, Invalid
from data.outbox import Answered
from services.demand import LONGEST_KEY, Demand
from services.rules import Actor


class Once:
    """The memory of answers."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._running: set[tuple[str, str]] = set()

    async def do(
        self, actor: Actor, demand: Demand, act: Callable[[Actor], Awaitable[object]]
    ) -> Any:
        """Let `act` do what is asked, or return what the same demand was answered before.

        Raise `Invalid("idempotency_key_reused")` (422) for a key that came with something else,
        `Conflict("still_running")` (409) while a twin is at work. What is refused is not kept:
        the key may be used again.
        """
        if not demand.key or len(demand.key) > LONGEST_KEY:
            raise Invalid("idempotency_key_malformed")
        with self._alone(demand):
            known = await self._known(demand)
            if not known:
                await act(replace(actor, demand=demand))
                known = demand.answers
            if not known:  # what was done is done, but a repetition would do it again
                raise RuntimeError("a use case that may be asked for under a key gave no answer")
            return known[0]

    @contextmanager
    def _alone(self, demand: Demand) -> Iterator[None]:
        """Go on only if no twin is at work: no other process of ours has this database."""
        one = (demand.scope, demand.key)
        if one in self._running:
            raise Conflict("still_running", retry_after=1)
        self._running.add(one)
        try:
            yield
        finally:
            self._running.discard(one)

    async def _known(self, demand: Demand) -> list[Any]:
        query = select(Answered).where(Answered.scope == demand.scope, Answered.key == demand.key)
        # In line with those who write: a twin whose caller has gone may still be in front of us.
        async with self._database.transaction(write=True) as session:
            row = await session.scalar(query)
            if row is None:
                return []
            if row.body_digest != demand.fingerprint:
                raise Invalid("idempotency_key_reused")
            return [json.loads(row.answer)]


def keep(connection: Connection, demand: Demand, value: Any, now: datetime) -> None:
    """Answer the demand with `value`, in the unit of work that makes it true."""
    answer = demand.shown(value)
    row = {
        "id": new_id(),
        "scope": demand.scope,
        "key": demand.key,
        "body_digest": demand.fingerprint,
        "answer": json.dumps(demand.kept(answer), ensure_ascii=False),
        "at": now,
    }
    try:
        connection.execute(insert(Answered), [row])
    except IntegrityError:  # a twin we did not know of was faster; it is taken back by our leaving
        raise Conflict("still_running", retry_after=1) from None
    demand.answers.append(answer)
