"""Answers a repeated request as it was answered the first time, and does nothing twice."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from data.errors import Conflict, Invalid
from data.outbox import Answered

LONGEST_KEY = 200


def digest(body: Any) -> str:
    """Return a fingerprint of a request's content, whatever the order of its fields."""
    canonical = json.dumps(body, ensure_ascii=False, sort_keys=True, default=str)
    return hashlib.sha256(canonical.encode()).hexdigest()


class Once:
    """The memory of answers, as one unit of work sees it."""

    def __init__(self, session: AsyncSession, now: datetime) -> None:
        self._session = session
        self._now = now

    async def earlier(self, scope: str, key: str, body: Any) -> Any | None:
        """Return the answer given before to this key in this scope, or None if it is new.

        Raise `Invalid("idempotency_key_reused")` if the key came with another body before.
        """
        if not key or len(key) > LONGEST_KEY:
            raise Invalid("idempotency_key_malformed")
        query = select(Answered).where(Answered.scope == scope, Answered.key == key)
        found = await self._session.scalar(query)
        if found is None:
            return None
        if found.body_digest != digest(body):
            raise Invalid("idempotency_key_reused")
        return json.loads(found.answer)

    def keep(self, scope: str, key: str, body: Any, answer: Any) -> None:
        """Remember the answer, in the unit of work that makes it true.

        It must not be None, which `earlier` says of a key that is new.
        """
        if answer is None:
            raise TypeError("an answer to be remembered cannot be None")
        self._session.add(
            Answered(
                scope=scope,
                key=key,
                body_digest=digest(body),
                answer=json.dumps(answer, ensure_ascii=False, default=str),
                at=self._now,
            )
        )


class Running:
    """Which keys are being worked on in this process: a twin that comes meanwhile is told so."""

    def __init__(self) -> None:
        self._keys: set[tuple[str, str]] = set()

    @contextmanager
    def alone(self, scope: str, key: str) -> Iterator[None]:
        """Go on only if no request with this key runs; raise `Conflict("still_running")` if so."""
        if (scope, key) in self._keys:
            raise Conflict("still_running", retry_after=1)
        self._keys.add((scope, key))
        try:
            yield
        finally:
            self._keys.discard((scope, key))
