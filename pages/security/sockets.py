"""Binds each page's socket to the session that the page was given to, and closes both with it.

NiceGUI 3.18 takes any event that names a page, from whatever socket it comes: the page's number
alone opens it. Here an event counts only if it comes from the page's own socket, in its form, at
a human pace, while the session lives.
"""

import asyncio
import logging
import re
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qs

from nicegui import Client, background_tasks, core, json
from nicegui import nicegui as framework
from socketio.exceptions import ConnectionRefusedError as Refused
from starlette.types import Scope

from data.errors import Forbidden, Invalid, NotFound
from pages.security.limits import Bucket
from pages.security.visitors import Visitor, Visitors
from pages.session import PATIENT_SIGN_IN, SIGN_IN

log = logging.getLogger(__name__)

SOCKET_PATH = "/_nicegui_ws/"
CLIENT_PATH = "/_nicegui/client/"
LAST_WORD_SECONDS = 1.0
"""How long a page of an ended session has to lead its reader away before it is taken down."""
SWEEP_SECONDS = 10.0
UNCONNECTED_SECONDS = 30.0
"""How long a page waits for its browser's socket."""
BURST = 5
LONGEST_ID = 64
MALFORMED = (AttributeError, IndexError, KeyError, TypeError, ValueError)
FORMS: dict[str, dict[str, type]] = {
    "event": {"client_id": str, "id": int, "listener_id": str, "args": list},
    "javascript_response": {"client_id": str, "request_id": str},
    "ack": {"client_id": str, "next_message_id": int},
    "log": {"client_id": str, "level": str, "message": str},
    "handshake": {"client_id": str, "tab_id": str, "document_id": str},
}
"""What each kind of message must hold to be looked at."""


def visitor_behind(client: Client) -> Visitor | None:
    """Return whose page this is."""
    request = client._request  # noqa: SLF001 - the property raises for pages without a request
    found: Visitor | None = None if request is None else getattr(request.state, "visitor", None)
    return found


class Sockets:
    """The guard of the sockets of all pages in this process."""

    def __init__(self, visitors: Visitors, events_per_second: float) -> None:
        self._visitors = visitors
        self._rate = events_per_second
        self._turns: dict[str, asyncio.Lock] = {}
        self._buckets: dict[str, Bucket] = {}
        self._rest = asyncio.Event()
        self._ending: asyncio.Task[None] | None = None
        self.dropped: Counter[str] = Counter()
        """Messages that were not taken, by why (a metric)."""
        visitors.on_end(self.close_pages_of)

    def install(self) -> None:
        """Stand between NiceGUI and every socket; the latest guard of a process counts."""
        sio = core.sio
        sio.handlers["/"] |= {
            "event": self._event,
            "javascript_response": self._passed_on("javascript_response"),
            "ack": self._passed_on("ack"),
            "log": self._log,
            "handshake": self._handshake,
            "connect": self._connect,
            "disconnect": self._disconnect,
        }
        sio.eio.handlers["message"] = self._message
        sio._handle_event = self._well_formed  # noqa: SLF001 - the one door for all events
        sio.eio.max_http_buffer_size = 1_000_000

    async def run(self) -> None:
        """Ask anew, as long as the process lives, whether sessions with open pages go on."""
        while not self._rest.is_set():
            try:
                await self.sweep()
            except Exception:  # one failed look must not stop the whole server
                log.exception("open pages could not be looked through")
            with suppress(TimeoutError):
                await asyncio.wait_for(self._rest.wait(), SWEEP_SECONDS)

    def stop(self) -> None:
        """Let `run` come to its end."""
        self._rest.set()

    async def sweep(self) -> None:
        """Close the pages of sessions that are over, and forget who has no page open."""
        Client.prune_instances(client_age_threshold=UNCONNECTED_SECONDS)
        behind = (visitor_behind(client) for client in tuple(Client.instances.values()))
        present = {visitor.key: visitor for visitor in behind if visitor is not None}
        for visitor in present.values():
            if not await self._visitors.goes_on(visitor, seen=False):
                self.close_pages_of(visitor.key, visitor.ended)
        self._visitors.keep_only(visitor for visitor in present.values() if not visitor.ended)

    def close_pages_of(self, key: str, reason: str) -> None:
        """Lead every open page of a session to the sign-in page, and take it down."""
        said = reason if re.fullmatch(r"[a-z_]{1,40}", reason) else "expired"
        pages, door = [], SIGN_IN
        for client in tuple(Client.instances.values()):
            visitor = visitor_behind(client)
            if visitor is not None and visitor.key == key:
                pages.append(client)
                door = PATIENT_SIGN_IN if visitor.is_outsider else SIGN_IN
        for client in pages:
            client.open(f"{door}?why={said}")
        if pages:
            # NiceGUI owns the task and ends it with the process.
            self._ending = background_tasks.create(self._take_down(pages), name="take down pages")

    async def _take_down(self, pages: list[Client]) -> None:
        await asyncio.sleep(LAST_WORD_SECONDS)
        for client in pages:
            present = core.sio.manager.get_participants("/", client.id)
            connections = [connection for _, connection in present]
            if client.id in Client.instances:
                client.delete()
            for connection in connections:
                await core.sio.eio.disconnect(connection)

    # At the gate: before a connection is accepted

    def check_connection(self, scope: Scope, *own: Visitor) -> None:
        """Refuse a socket or an upload for a page that was given to somebody else.

        `own` is who this browser is: its session, and the guest it was before it signed in.
        """
        keys = frozenset(visitor.key for visitor in own)
        if scope["path"].startswith(CLIENT_PATH):
            self._check_owner(scope["path"].removeprefix(CLIENT_PATH).partition("/")[0], keys)
            return
        query = parse_qs(scope["query_string"].decode("ascii", "replace"))
        if any(len(query.get(name, ())) > 1 for name in ("client_id", "sid")):
            raise Invalid("socket_malformed")
        if "sid" in query:  # a further request of a connection without WebSocket (polling)
            self._check_same(query["sid"][0], keys)
        if not is_socket_query(query):
            raise Invalid("socket_malformed")
        self._check_owner(query["client_id"][0], keys, missing_is_fine=True)

    def _check_owner(
        self, page: str, keys: frozenset[str], *, missing_is_fine: bool = False
    ) -> None:
        client = Client.instances.get(page)
        if client is None:
            if missing_is_fine:  # NiceGUI says so in its own way, and the browser loads anew
                return
            raise NotFound("page_stale")
        owner = visitor_behind(client)
        if owner is None or owner.key not in keys:
            self.dropped["foreign_page"] += 1
            raise Forbidden("foreign_page")

    def _check_same(self, eio_sid: str, keys: frozenset[str]) -> None:
        environ = core.sio.environ.get(eio_sid)
        if environ is None:
            return  # engine.io refuses what it does not know
        first: Visitor | None = environ["asgi.scope"]["state"].get("visitor")
        if first is None or first.key not in keys:
            self.dropped["foreign_socket"] += 1
            raise Forbidden("foreign_page")

    # On the socket: each message

    async def _message(self, eio_sid: str, data: Any) -> None:
        """Take one packet: text only, one CONNECT a socket, nothing that breaks the reader."""
        if not isinstance(data, str) or data[:1] not in "012":
            self._drop("packet")
            return
        if data[:1] == "0" and core.sio.manager.sid_from_eio_sid(eio_sid, "/"):
            self._drop("second_connect")
            return
        try:
            await core.sio._handle_eio_message(eio_sid, data)  # noqa: SLF001 - what stood here
        except MALFORMED:
            self._drop("packet")

    async def _well_formed(self, eio_sid: str, namespace: str, id: Any, data: Any) -> None:
        """Pass an event on if it looks as NiceGUI's browsers send it."""
        if not is_well_formed(data):
            self._drop("form")
            return
        await type(core.sio)._handle_event(core.sio, eio_sid, namespace, id, data)  # noqa: SLF001

    async def _connect(self, sid: str, environ: dict[str, Any], _auth: Any = None) -> None:
        try:
            await framework._on_connect(sid, environ)  # noqa: SLF001
        except Refused as refusal:  # the browser knows this sentence and loads the page anew
            raise Refused(str(refusal), {"code": "page_stale"}) from None

    def _disconnect(self, sid: str, *_reason: Any) -> None:
        self._turns.pop(sid, None)
        self._buckets.pop(sid, None)
        framework._on_disconnect(sid)  # noqa: SLF001

    async def _handshake(self, sid: str, message: dict[str, Any]) -> bool:
        """Accept a page that was prefetched, for whom it was given to."""
        client = Client.instances.get(message["client_id"])
        environ = core.sio.get_environ(sid) or {}
        visitor: Visitor | None = environ.get("asgi.scope", {}).get("state", {}).get("visitor")
        owner = None if client is None else visitor_behind(client)
        if visitor is None or owner is None or owner.key != visitor.key:
            self._drop("foreign_page")
            return False
        done: bool = await framework._on_handshake(sid, message)  # noqa: SLF001
        return done

    async def _event(self, sid: str, message: dict[str, Any]) -> None:
        """Hand an event to its page, in the order in which they came."""
        client = self._own_page(sid, message)
        if client is None:
            return
        async with self._turns.setdefault(sid, asyncio.Lock()):
            visitor = visitor_behind(client)
            if visitor is None or not await self._visitors.goes_on(visitor, seen=True):
                self._drop("ended")
                return
            try:
                framework._on_event(sid, message)  # noqa: SLF001
            except MALFORMED:  # an element or a listener that is not there, or odd arguments
                self._drop("event")

    def _passed_on(self, name: str) -> Callable[[str, dict[str, Any]], Awaitable[None]]:
        handler = getattr(framework, f"_on_{name}")

        async def pass_on(sid: str, message: dict[str, Any]) -> None:
            if self._own_page(sid, message) is not None:
                handler(sid, message)

        return pass_on

    async def _log(self, sid: str, message: dict[str, Any]) -> None:
        """Count a browser's complaint; its words may be anybody's and stay out of our logs."""
        if self._own_page(sid, message) is not None:
            self._drop("complaint")

    def _own_page(self, sid: str, message: dict[str, Any]) -> Client | None:
        """Return the page a message is for, if it comes from that page's own socket."""
        page = message["client_id"]
        if sid not in core.sio.manager.rooms.get("/", {}).get(page, ()):
            self._drop("foreign_page")
            return None
        bucket = self._buckets.setdefault(sid, Bucket(self._rate, self._rate * BURST))
        if not bucket.take(asyncio.get_running_loop().time()):
            self._drop("pace")
            return None
        return Client.instances.get(page)

    def _drop(self, why: str) -> None:
        self.dropped[why] += 1
        log.debug("a socket message was dropped: %s", why)


def is_socket_query(query: dict[str, list[str]]) -> bool:
    """Tell whether a socket's address names a page, a document and a tab as browsers do."""
    named = ("client_id", "document_id", "tab_id")
    if not all(0 < len(query.get(name, [""])[0]) <= LONGEST_ID for name in named):
        return False
    return query.get("next_message_id", ["0"])[0].isascii() and (
        query.get("next_message_id", ["0"])[0].isdigit()
    )


def is_well_formed(data: Any) -> bool:
    """Tell whether an event is [name, message] with all that a message of that name needs."""
    match data:
        case [str(name), dict(message)] if name in FORMS:
            fields = FORMS[name]
        case _:
            return False
    if not all(type(message.get(key)) is kind for key, kind in fields.items()):
        return False
    return name != "event" or all(map(_is_argument, message["args"]))


def _is_argument(value: Any) -> bool:
    """Arguments travel as JSON texts."""
    if value is None:
        return True
    if not isinstance(value, str):
        return False
    try:
        json.loads(value)
    except ValueError:
        return False
    return True
