"""What the API's routes have in common: who asks, pages of lists, keys of repeated requests."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, is_dataclass
from typing import Annotated, Any, Generic, Protocol, TypeVar

from fastapi import Header, Query
from fastapi.encoders import jsonable_encoder
from starlette.requests import Request

from services.clinic import Clinic
from services.once import Demand
from services.policy import ANYBODY, Action, Actor

VERSION = "1"
PREFIX = f"/api/v{VERSION}"
MOST_ROWS = 200

T = TypeVar("T")
Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])
Offset = Annotated[int, Query(ge=0, le=1_000_000)]
Limit = Annotated[int, Query(ge=1, le=MOST_ROWS)]
Key = Annotated[str, Header(alias="Idempotency-Key", max_length=200)]


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


async def once(
    clinic: Clinic,
    request: Request,
    key: str,
    body: Any,
    act: Callable[[], Awaitable[Any]],
    *,
    shown_once: frozenset[str] = frozenset(),
) -> Any:
    """Do what is asked once for a key, and answer a repetition alike; without a key just do it.

    Fields named in `shown_once` are empty in the answer to a repetition.
    """

    async def encoded() -> Any:
        return jsonable_encoder(await act())

    if not key:
        return await encoded()
    asked = asdict(body) if is_dataclass(body) and not isinstance(body, type) else body
    scope = f"api:{actor_of(request).user_id}:{request.method} {request.url.path}"
    demand = Demand(scope, key, jsonable_encoder(asked))

    def kept(answer: Any) -> Any:
        if not isinstance(answer, dict):
            return answer
        return {name: "" if name in shown_once else value for name, value in answer.items()}

    return await clinic.once.do(demand, encoded, kept=kept)
