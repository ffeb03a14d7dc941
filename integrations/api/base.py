"""What the API's routes have in common: who asks, pages of lists, keys of repeated requests."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any, Generic, Protocol, TypeVar

from fastapi import Depends, Header, Query
from fastapi.encoders import jsonable_encoder
from starlette.requests import Request
from starlette.responses import Response

from services.demand import LONGEST_KEY, Demand, as_it_is
from services.idempotency import Once
from services.policy import ANYBODY, Action, Actor

VERSION = "1"
PREFIX = f"/api/v{VERSION}"
MOST_ROWS = 200

T = TypeVar("T")
V = TypeVar("V")
Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])
Offset = Annotated[int, Query(ge=0, le=1_000_000)]
Limit = Annotated[int, Query(ge=1, le=MOST_ROWS)]
Key = Annotated[str | None, Header(alias="Idempotency-Key", min_length=1, max_length=LONGEST_KEY)]


class Registry(Protocol):
    """The list of all routes, as far as the API enters itself there."""

    def api(
        self, method: str, path: str, *, action: Action | None = None, public: str = ""
    ) -> Callable[[Endpoint], Endpoint]:
        """Answer `method` at `path` to whoever can do `action`, or, with `public`, to anybody."""
        ...


@dataclass(frozen=True, slots=True)
class Rows(Generic[T]):
    """One page of a list."""

    rows: list[T]
    total: int


def actor_of(request: Request) -> Actor:
    """Return who asks, as the gate has found out."""
    visitor = getattr(request.state, "visitor", None)
    actor: Actor = ANYBODY if visitor is None else visitor.actor
    return actor


class Errand:
    """A call that changes something: done once for its key, if it names one."""

    def __init__(self, request: Request, idempotency_key: Key = None) -> None:
        self._request = request
        self._key = idempotency_key

    async def run(
        self,
        once: Once,
        act: Callable[[Actor], Awaitable[V]],
        shown: Callable[[V], T],
        *,
        secret: frozenset[str] = frozenset(),
    ) -> T:
        """Return what comes of `act`, as `shown` tells it; to a repetition, what came of the first.

        What `act` calls must answer in its unit of work (`Transaction.answer`). Fields named in
        `secret` are told once and are empty in the answer to a repetition.
        """
        actor = actor_of(self._request)
        if self._key is None:
            return shown(await act(actor))
        demand = Demand(
            scope=f"api:{actor.user_id}",
            key=self._key,
            asked=await self._asked(),
            shown=lambda value: jsonable_encoder(shown(value)),
            kept=lambda told: _without(told, secret) if secret else told,
        )
        told: T = await once.do(actor, demand, act)
        return told  # as JSON: FastAPI makes of it what the route promises

    async def run_silently(self, once: Once, act: Callable[[Actor], Awaitable[None]]) -> Response:
        """Do what there is nothing to tell of."""
        await self.run(once, act, as_it_is)
        return Response(status_code=204)

    async def _asked(self) -> dict[str, Any]:
        body = await self._request.body()
        try:
            content = json.loads(body) if body else None
        except ValueError:
            content = body.hex()  # for a route that takes nothing, and does not look at it
        method, url = self._request.method, self._request.url
        return {"route": f"{method} {url.path}?{url.query}", "content": content}


AnErrand = Annotated[Errand, Depends()]


def _without(told: dict[str, Any], secret: frozenset[str]) -> dict[str, Any]:
    return {name: "" if name in secret else value for name, value in told.items()}
