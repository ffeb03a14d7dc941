"""The gate: every request and every socket comes through here first, and every answer last.

Pure ASGI, so that it costs no task a request and sees WebSockets too. What it finds out stands in
`request.state`: `visitor`, `language`, `nonce`.
"""

import logging
import secrets
from contextlib import nullcontext
from http import HTTPStatus

from nicegui import Client
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection, Request, cookie_parser
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from data.errors import DomainError, Forbidden, Invalid, NotFound
from pages import waiting
from pages.routes import SOCKET, Kind, Route
from pages.security import cookies, origins
from pages.security.front import Front
from pages.security.headers import caching, dress, is_asset
from pages.security.limits import Asked, Measured, check_declared_length, too_large
from pages.security.refusals import PATHS_OF_SOCKETS, refuse, unexpected
from pages.security.sockets import MALFORMED, SOCKET_PATH, visitor_behind
from pages.security.visitors import Visitor, guest, guest_number
from pages.words import COOKIE as LANGUAGE_COOKIE
from services.i18n import language_for
from services.neighbourhood import neighbourhood

log = logging.getLogger(__name__)

BEARER = "Bearer "
BY_ITSELF = ("/auth/alive", SOCKET_PATH)
"""Asked by open pages by themselves: no sign of life of a person. What a person does comes over the
socket as an event, and counts there."""


class Gate:
    """An ASGI layer around the whole server."""

    def __init__(self, app: ASGIApp, front: Front) -> None:
        self._app = app
        self._routes = front.routes
        self._visitors = front.visitors
        self._sockets = front.sockets
        self._pace = front.pace
        self._overload = front.overload
        self._place = front.place

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        origins.believe_proxies(scope, self._place.proxies)
        passage = Passage(scope, send, hsts=self._place.hsts)
        try:
            found = self._routes.find(_method(scope), scope["path"])
            asked = await self._count(scope, found)
            route = self._known(scope, found)
            check_declared_length(passage.headers.get("content-length"), route.body_bytes)
            await self._recognise(passage, asked)
            self._check_origin(passage, route)
            if await self._let_in(passage, route, receive):
                await self._serve(passage, route, receive)
        except DomainError as error:
            if not passage.started:
                await refuse(scope, receive, passage.send, error)

    async def _count(self, scope: Scope, route: Route | None) -> Asked:
        """Count a request of its address before anything about it is refused."""
        asked = Asked(
            neighbourhood=neighbourhood(origins.sender_of(scope)),
            path=scope["path"],
            is_page=route is not None and route.kind is Kind.PAGE,
            is_write=scope.get("method") == "POST",
        )
        await self._pace.admit(asked)
        return asked

    def _known(self, scope: Scope, route: Route | None) -> Route:
        """Return the entry that was found for what is asked, if the server is called so."""
        host = Headers(scope=scope).get("host", "")
        if not self._place.names.has(host):
            raise Invalid("unknown_host", host=host[:100])
        if route is not None:
            return route
        if self._routes.methods_at(scope["path"]):
            raise Invalid("method_not_allowed")
        raise NotFound("page_not_found")

    async def _recognise(self, passage: "Passage", asked: Asked) -> None:
        """Find out who asks, and count the request for them.

        It has been counted for its address: who asks too often from one must not make us look up
        invented tokens.
        """
        scope, path = passage.scope, passage.scope["path"]
        address, visitor = origins.sender_of(scope), None
        if not is_asset(path):
            token = passage.bearer or cookies.read_cookie(scope, cookies.SESSION)
            visitor = await self._visitors.find(token, address, seen=not is_by_itself(path))
        browser = self._guest(passage, address, known=visitor is not None)
        passage.own = (browser,) if visitor is None else (visitor, browser)
        passage.state["visitor"] = passage.visitor
        if visitor is not None:
            await self._pace.admit_session(asked, visitor.key)

    def _guest(self, passage: "Passage", address: str, *, known: bool) -> Visitor:
        """Know a browser that nobody has signed in with again, so that its pages are its own."""
        number = cookies.read_cookie(passage.scope, cookies.GUEST)
        if not number:
            number = guest_number()
            if not known and not is_asset(passage.scope["path"]):
                passage.new_guest = number
        return guest(number, address)

    def _check_origin(self, passage: "Passage", route: Route) -> None:
        """Refuse what the page of another site sends in a visitor's name. (CSRF)"""
        scope = passage.scope
        harmless = scope["type"] == "http" and scope["method"] in origins.SAFE_METHODS
        if harmless or route.foreign or passage.bearer:
            return
        if origins.is_foreign(scope):
            raise Forbidden("foreign_origin")

    async def _let_in(self, passage: "Passage", route: Route, receive: Receive) -> bool:
        """Answer whoever may not come in, or not now; return whether this one may."""
        scope = passage.scope
        if scope["path"].startswith(PATHS_OF_SOCKETS):
            self._sockets.check_connection(scope, *passage.own)
            return True
        if route.kind is Kind.INTERNAL:
            return True
        if scope["type"] == "websocket":
            await self._routes.check(route, HTTPConnection(scope))
            return True
        answer = await self._routes.turned_away(route, Request(scope))
        if answer is None and route.kind is Kind.PAGE:
            answer = self._no_room(passage)
        if answer is not None:
            await answer(scope, receive, passage.send)
        return answer is None

    def _no_room(self, passage: "Passage") -> Response | None:
        visitor = passage.visitor
        pages = (visitor_behind(client) for client in Client.instances.values())
        opened = sum(each is not None and each.key == visitor.key for each in pages)
        try:
            self._overload.admit_page(signed_in=not visitor.is_guest, open_pages=opened)
        except DomainError as error:
            return waiting.page(passage.scope, error)
        return None

    async def _serve(self, passage: "Passage", route: Route, receive: Receive) -> None:
        scope = passage.scope
        if scope["type"] == "websocket":
            try:
                await self._app(scope, receive, passage.send)
            except MALFORMED as error:  # a packet that engine.io cannot read ends its socket
                log.info("a socket was closed: %s", type(error).__name__)
            return
        body = Measured(receive, route.body_bytes)
        passage.body = body
        is_page = route.kind is Kind.PAGE
        try:
            with self._overload.one_page() if is_page else nullcontext():
                await self._app(scope, body.next, passage.send)
        except Exception as error:  # noqa: BLE001 - whatever broke, the asker gets an answer
            if not body.overflowed:
                broken = unexpected(scope, error)
                if not passage.started:
                    await broken(scope, receive, passage.send)
        if body.overflowed and not passage.started:
            passage.body = None
            raise too_large(route.body_bytes)


def _method(scope: Scope) -> str:
    return str(scope["method"]) if scope["type"] == "http" else SOCKET


def is_by_itself(path: str) -> bool:
    """Tell whether a browser asks this without anybody at it."""
    return path.startswith(BY_ITSELF)


class Passage:
    """One request or socket on its way through the gate, and its answer on the way back."""

    def __init__(self, scope: Scope, send: Send, *, hsts: bool) -> None:
        self.scope = scope
        self.headers = Headers(scope=scope)
        self.started = False
        self.new_guest = ""
        self.body: Measured | None = None
        self.own: tuple[Visitor, ...] = ()
        """Who this browser is: its session first, and the guest it was before."""
        self._send = send
        self._hsts = hsts
        self.state = scope.setdefault("state", {})
        self.state["nonce"] = secrets.token_urlsafe(16)
        chosen = cookie_parser(self.headers.get("cookie", "")).get(LANGUAGE_COOKIE)
        self.state["language"] = language_for(self.headers.get("accept-language"), chosen)
        authorization = self.headers.get("authorization", "")
        is_call = scope["path"].startswith("/api/") and authorization.startswith(BEARER)
        self.bearer = authorization.removeprefix(BEARER) if is_call else ""

    @property
    def visitor(self) -> Visitor:
        return self.own[0]

    async def send(self, message: Message) -> None:
        """Pass a part of the answer on, dressed; swallow what an overflowed request is told."""
        if self.body is not None and self.body.overflowed and not self.started:
            return
        if message["type"] in {"http.response.start", "websocket.http.response.start"}:
            self.started = True
            message = {**message, "headers": self._dressed(message)}
        elif message["type"] == "websocket.accept":
            self.started = True
        await self._send(message)

    def _dressed(self, message: Message) -> list[tuple[bytes, bytes]]:
        headers = MutableHeaders(raw=list(message.get("headers", ())))
        media_type = headers.get("content-type", "")
        kept = caching(self.scope["path"], media_type)
        if message["status"] >= HTTPStatus.MULTIPLE_CHOICES:
            headers.setdefault("cache-control", "no-store")
        elif kept is not None:
            headers["cache-control"] = kept
        dress(headers, nonce=self.state["nonce"], hsts=self._hsts)
        if self.new_guest and media_type.startswith("text/html"):
            cookie = cookies.guest_cookie(self.scope, self.new_guest)
            if cookie:
                headers.append("set-cookie", cookie)
        return headers.raw
