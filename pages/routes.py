"""Every address the house answers at, and what it takes to be answered there.

Nothing without an entry here is reachable: the gate looks an address up before anybody serves it.
"""

import inspect
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import wraps
from re import Pattern
from typing import Any, TypeVar

from fastapi import FastAPI
from nicegui import context, ui
from starlette.requests import HTTPConnection, Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, compile_path

from data.errors import DomainError, Unauthenticated
from pages.security.limits import BODY_BYTES
from pages.security.refusals import refusal, unexpected, wants_json
from pages.session import CONFIRM, PATIENT_SIGN_IN, SIGN_IN, actor_of, detour, visitor_of
from pages.viewer import Viewer
from services.permissions import RULES
from services.policy import Action, Actor, Subject
from services.rules import STAFF
from services.transaction import Transactions

SOCKET = "SOCKET"
"""What stands for the method where a WebSocket is asked for: a page is not opened as one."""
BUILD_SECONDS = 15.0
"""How long a page may take to build before its reader is told that it failed."""

Builder = TypeVar("Builder", bound=Callable[..., Any])
Describe = Callable[[Actor], Awaitable[Viewer]]


class Kind(StrEnum):
    PAGE = "page"
    """A NiceGUI page."""
    HTTP = "http"
    """A plain route: forms, files, small answers."""
    API = "api"
    SOCKET = "socket"
    """A WebSocket of our own, beside that of pages."""
    INTERNAL = "internal"
    """NiceGUI's own files and sockets, or a folder of ours; the entry is a prefix."""


@dataclass(frozen=True, slots=True)
class Route:
    """One entry of the registry."""

    path: str
    kind: Kind
    pattern: Pattern[str]
    methods: frozenset[str] = frozenset({"GET"})
    action: Action | None = None
    """What a visitor must be able to do at all; None: being signed in is enough."""
    public: str = ""
    """Why anybody may ask; empty: only people who are signed in."""
    title: str = ""
    """The key of a page's title."""
    body_bytes: int = BODY_BYTES
    foreign: bool = False
    """Called by programs of others, which prove themselves by signature instead of origin."""

    def __str__(self) -> str:
        return f"{'/'.join(sorted(self.methods))} {self.path}"


def may_enter(actor: Actor, action: Action | None) -> bool:
    """Tell whether one of the actor's roles has a rule for this action at all.

    Whether it holds for the thing at hand is asked again by the service that does it.
    """
    return action is None or not actor.roles.isdisjoint(RULES[action])


class Routes:
    """The registry: pages, plain routes and the API enter themselves here when they are mounted."""

    def __init__(
        self, server: FastAPI, transactions: Transactions, describe: Describe | None = None
    ) -> None:
        self._server = server
        self._transactions = transactions
        self._describe = describe
        self._entries: list[Route] = []
        self._exact: dict[str, list[Route]] = {}
        self.internal("/_nicegui/", "NiceGUI's files, the same for everybody; uploads are bound")
        self.internal(
            "/_nicegui_ws/", "the socket of a page: bound to the session it was given to", SOCKET
        )
        self.internal("/favicon.ico", "the icon in the browser's tab")

    def __iter__(self) -> Iterator[Route]:
        return iter(self._entries)

    def page(
        self,
        path: str,
        *,
        action: Action | None = None,
        public: str = "",
        title: str = "",
        **options: Any,
    ) -> Callable[[Builder], Builder]:
        """Show what the decorated builder builds at `path` to people who can do `action`.

        Without `action` to everybody who is signed in; with `public`, which says why, to anybody.
        Others are answered before anything is built. Further options are those of `ui.page`.
        """

        def enter(builder: Builder) -> Builder:
            self._add(_route(path, Kind.PAGE, action=action, public=public, title=title))
            options.setdefault("response_timeout", BUILD_SECONDS)
            ui.page(path, **options)(self._guarded(builder))
            return builder

        return enter

    def http(  # noqa: PLR0913 - one option a line of the entry
        self,
        method: str,
        path: str,
        *,
        action: Action | None = None,
        public: str = "",
        kind: Kind = Kind.HTTP,
        body_bytes: int = BODY_BYTES,
        foreign: bool = False,
        **options: Any,
    ) -> Callable[[Builder], Builder]:
        """Answer `method` at `path` with the decorated FastAPI endpoint; else as `page`.

        Comes before NiceGUI is mounted.
        """

        def enter(endpoint: Builder) -> Builder:
            self._add(
                _route(
                    path,
                    kind,
                    methods=frozenset({method}),
                    action=action,
                    public=public,
                    body_bytes=body_bytes,
                    foreign=foreign,
                )
            )
            self._check_order(path)
            self._server.add_api_route(path, endpoint, methods=[method], **options)
            return endpoint

        return enter

    def api(
        self, method: str, path: str, *, action: Action | None = None, public: str = ""
    ) -> Callable[[Builder], Builder]:
        """Answer `method` at `path` of the JSON API with the decorated FastAPI endpoint."""
        return self.http(method, path, action=action, public=public, kind=Kind.API)

    def socket(
        self, path: str, *, action: Action | None = None, public: str = ""
    ) -> Callable[[Builder], Builder]:
        """Open a WebSocket at `path` with the decorated FastAPI endpoint; else as `page`.

        It is entered once; while it is open, the endpoint asks `actor_of` anew for each act.
        """

        def enter(endpoint: Builder) -> Builder:
            methods = frozenset({SOCKET})
            self._add(_route(path, Kind.SOCKET, methods=methods, action=action, public=public))
            self._check_order(path)
            self._server.add_api_websocket_route(path, endpoint)
            return endpoint

        return enter

    def internal(self, prefix: str, reason: str, *more: str) -> None:
        """Let everything under `prefix` through to whoever serves it, saying why that is right.

        That is by GET, HEAD, POST, and `more`.
        """
        methods = frozenset({"GET", "HEAD", "POST", *more})
        self._add(_route(prefix, Kind.INTERNAL, methods=methods, public=reason))

    def _check_order(self, path: str) -> None:
        if any(isinstance(each, Mount) and not each.path for each in self._server.routes):
            raise ValueError(f"{path} comes after NiceGUI, which answers everything else")

    def _add(self, route: Route) -> None:
        same = [each for each in self._entries if each.path == route.path]
        if any(each.methods & route.methods for each in same):
            raise ValueError(f"{route} has an entry already")
        self._entries.append(route)
        if "{" not in route.path:
            self._exact.setdefault(route.path, []).append(route)

    def find(self, method: str, path: str) -> Route | None:
        """Return the entry that answers this, or None."""
        candidates = self._exact.get(path) or self._entries
        return next(
            (each for each in candidates if method in each.methods and each.pattern.match(path)),
            None,
        )

    def methods_at(self, path: str) -> frozenset[str]:
        """Return which methods are answered at a path; none means there is nothing."""
        return frozenset().union(
            *(each.methods for each in self._entries if each.pattern.match(path))
        )

    async def check(self, route: Route, asker: HTTPConnection) -> None:
        """Raise `Unauthenticated` or `Forbidden` for a visitor who may not be here."""
        if route.public:
            return
        visitor, actor = visitor_of(asker), actor_of(asker)
        if visitor is None or visitor.is_guest:
            raise Unauthenticated("sign_in_needed")
        if not may_enter(actor, route.action):
            async with self._transactions.read(actor) as tx:  # the refusal is noted in the trail
                tx.allow(route.action or Action.ACCOUNT_READ, Subject("route", route.path))

    async def turned_away(self, route: Route, request: Request) -> Response | None:
        """Return the answer to a visitor who may not be here, or None to somebody who may."""
        try:
            await self.check(route, request)
        except DomainError as error:
            if error.code == "sign_in_needed":
                return sign_in_first(request, route)
            return refusal(request.scope, error)
        return None

    def _guarded(self, builder: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(builder)
        async def build(*args: Any, **kwargs: Any) -> Any:
            request = context.client.request
            visitor = visitor_of(request)
            if visitor is None:
                raise RuntimeError("a page is only shown behind the gate")
            try:
                if self._describe is not None and not visitor.is_guest:
                    request.state.viewer = await self._describe(visitor.actor)
                built = builder(*args, **kwargs)
                return await built if inspect.isawaitable(built) else built
            except DomainError as error:
                return answer_for(request, error)
            except Exception as error:  # noqa: BLE001 - a defect in one page is a page that says so
                return unexpected(request.scope, error)

        return build


def _route(path: str, kind: Kind, **more: Any) -> Route:
    template = f"{path}{{rest:path}}" if kind is Kind.INTERNAL and path.endswith("/") else path
    return Route(path, kind, compile_path(template)[0], **more)


def sign_in_first(request: Request, route: Route) -> Response:
    """Send a person to the sign-in page and back; tell a program that it must sign in.

    What only patients may do leads to their door.
    """
    if wants_json(request.scope) or request.method not in {"GET", "HEAD"}:
        return refusal(request.scope, Unauthenticated("sign_in_needed"))
    only_patients = route.action is not None and not set(RULES[route.action]) & STAFF
    return RedirectResponse(detour(PATIENT_SIGN_IN if only_patients else SIGN_IN, request), 303)


def answer_for(request: Request, error: DomainError) -> Response:
    """Return the answer to a request that a service refused."""
    if error.code == "confirm_needed" and not wants_json(request.scope):
        return RedirectResponse(detour(CONFIRM, request), 303)
    return refusal(request.scope, error)
