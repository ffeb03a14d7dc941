"""Does what the JavaScript of a NiceGUI page does, without a browser: cheap enough for hundreds.

Gets a page, reads its elements, opens its Engine.IO socket, answers pings, acknowledges, clicks.
Unlike NiceGUI's own `User` it goes through the real server, gate and socket.

    async with Browser(house.url, token) as browser:
        page = await browser.open("/tasks")
        await page.click("完成")
        await page.sees("已完成")
"""

import asyncio
import json
import re
import uuid
from collections.abc import Callable
from typing import Any, Self
from urllib.parse import urlencode

import aiohttp

ELEMENTS = re.compile(r"parseElements\(String\.raw`(.*?)`\)", re.DOTALL)
QUERY = re.compile(r"^\s*query: (\{.*\}),$", re.MULTILINE)
ENTITIES = (("&#36;", "$"), ("&#96;", "`"), ("&gt;", ">"), ("&lt;", "<"), ("&amp;", "&"))
SOCKET = "/_nicegui_ws/socket.io/"
PATIENCE_SECONDS = 5.0
ACK_SECONDS = 3.0


class NotAPage(Exception):
    """The answer holds no NiceGUI page; `status` and `text` are what it is instead."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(status, text[:200])
        self.status = status
        self.text = text


class Refused(Exception):
    """The server would not have the socket; `code` is its HTTP status or its last words."""

    def __init__(self, code: int | str) -> None:
        super().__init__(code)
        self.code = code


class Browser:
    """One browser profile: its cookies, and the pages it opens."""

    def __init__(self, url: str, token: str = "", language: str = "zh-CN") -> None:
        self.url = url
        connector = aiohttp.TCPConnector(limit=0, ssl=False, force_close=True)
        self.http = aiohttp.ClientSession(
            url,
            connector=connector,
            cookie_jar=aiohttp.CookieJar(unsafe=True),
            headers={"accept-language": language, "accept": "text/html,application/json"},
        )
        if token:
            self.http.cookie_jar.update_cookies({"xinglin": token})
        self._pages: list[Page] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for page in self._pages:
            await page.close()
        await self.http.close()

    async def get(self, path: str, **options: Any) -> tuple[int, str]:
        """Return status and text of a plain GET; redirects are not followed."""
        options.setdefault("allow_redirects", False)
        async with self.http.get(path, **options) as answer:
            return answer.status, await answer.text()

    async def post(self, path: str, **options: Any) -> tuple[int, str]:
        """POST as a page of ours would, with its Origin."""
        headers = {"origin": self.url, **options.pop("headers", {})}
        async with self.http.post(
            path, headers=headers, allow_redirects=False, **options
        ) as answer:
            return answer.status, await answer.text()

    async def load(self, path: str) -> "Page":
        """Get a page without opening its socket; raise `NotAPage` if it is none."""
        async with self.http.get(path) as answer:
            text = await answer.text()
            if not QUERY.search(text):
                raise NotAPage(answer.status, text)
        page = Page(self, text)
        self._pages.append(page)
        return page

    async def open(self, path: str) -> "Page":
        """Get a page and open its socket; raise `NotAPage` or `Refused`."""
        page = await self.load(path)
        await page.connect()
        return page


class Page:
    """An open page."""

    def __init__(self, browser: Browser, text: str) -> None:
        self.browser = browser
        self.text = text
        self.elements, self.query = parse(text)
        self.query |= {"document_id": str(uuid.uuid4()), "tab_id": str(uuid.uuid4())}
        self.client_id = str(self.query["client_id"])
        self.scripts: list[str] = []
        self.led_to = ""
        """Where the server sent this page."""
        self.closed = asyncio.Event()
        self._next_message = int(self.query["next_message_id"])
        self._news = asyncio.Condition()
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def connect(self, *, headers: dict[str, str] | None = None, **query: str) -> None:
        """Open the socket and shake hands; raise `Refused` if the server will not."""
        asked = {key: str(value).lower() for key, value in self.query.items()} | query
        address = f"{SOCKET}?{urlencode(asked)}&EIO=4&transport=websocket"
        sent = {"origin": self.browser.url, **(headers or {})}
        try:
            self._socket = await self.browser.http.ws_connect(address, headers=sent, max_msg_size=0)
        except aiohttp.WSServerHandshakeError as refusal:
            raise Refused(refusal.status) from None
        await self._socket.receive_str()
        await self.send_text("40")
        while not (said := await self._socket.receive_str()).startswith("40"):
            if said.startswith("44"):
                raise Refused(said[2:])
        self._tasks = [asyncio.create_task(self._read()), asyncio.create_task(self._acknowledge())]

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._socket is not None:
            await self._socket.close()

    async def send_text(self, text: str) -> None:
        """Send a raw Engine.IO packet."""
        assert self._socket
        await self._socket.send_str(text)

    async def emit(self, name: str, message: Any) -> None:
        """Send a Socket.IO event, whatever it holds."""
        await self.send_text("42" + json.dumps([name, message]))

    def listener(self, kind: str, label: str = "") -> tuple[int, str]:
        """Return element and listener that hear `kind` (click, update:value, ...) on a label."""
        for id_, element in self.elements.items():
            said = element.get("props", {}).get("label") or element.get("text") or ""
            for event in element.get("events", ()):
                if event["type"] == kind and label in (said, ""):
                    return int(id_), event["listener_id"]
        raise LookupError(f"nothing hears {kind} on {label!r}")

    async def fire(self, kind: str, label: str = "", *args: Any) -> None:
        """Have something happen to an element, as its JavaScript would tell it."""
        id_, listener_id = self.listener(kind, label)
        await self.emit(
            "event",
            {
                "id": id_,
                "client_id": self.client_id,
                "listener_id": listener_id,
                "args": [json.dumps(each) for each in args],
            },
        )

    async def click(self, label: str) -> None:
        await self.fire("click", label)

    async def type(self, label: str, value: str) -> None:
        await self.fire("update:value", label, value)

    @property
    def words(self) -> str:
        """All texts on the page."""
        said = (
            f"{element.get('text') or ''} {element.get('props', {}).get('label') or ''}"
            for element in self.elements.values()
        )
        return " ".join(said)

    async def sees(self, words: str) -> None:
        """Wait until these words stand on the page."""
        await self.until(lambda: words in self.words, f"{words!r} on the page: {self.words}")

    async def until(self, holds: Callable[[], bool], what: str = "what was waited for") -> None:
        """Wait until something about this page holds; fail after five seconds."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS), self._news:
                await self._news.wait_for(holds)
        except TimeoutError:
            raise AssertionError(f"there is no {what}") from None

    async def _read(self) -> None:
        assert self._socket
        async for frame in self._socket:
            if frame.type is not aiohttp.WSMsgType.TEXT:
                continue
            if frame.data == "2":
                await self.send_text("3")
            elif frame.data == "1":
                break
            elif frame.data.startswith("42"):
                name, message = json.loads(frame.data[2:])
                await self._hear(name, message)
        await self._socket.close()
        async with self._news:
            self.closed.set()
            self._news.notify_all()

    async def _hear(self, name: str, message: dict[str, Any]) -> None:
        number = message.pop("_id", None)
        if number is not None:
            if number < self._next_message:
                return
            self._next_message = number + 1
        if name == "update":
            for id_, element in message.items():
                if element is None:
                    self.elements.pop(id_, None)
                else:
                    self.elements[id_] = element
        elif name == "open":
            self.led_to = message["path"]
        elif name == "run_javascript":
            self.scripts.append(message["code"])
            if "request_id" in message:
                answer = {"request_id": message["request_id"], "client_id": self.client_id}
                await self.emit("javascript_response", {**answer, "result": None})
        async with self._news:
            self._news.notify_all()

    async def _acknowledge(self) -> None:
        while True:
            await asyncio.sleep(ACK_SECONDS)
            told = {"client_id": self.client_id, "next_message_id": self._next_message}
            await self.emit("ack", told)


def parse(text: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return elements and socket query of a NiceGUI page."""
    elements, query = ELEMENTS.search(text), QUERY.search(text)
    if elements is None or query is None:
        raise ValueError("not a NiceGUI page")
    raw = elements.group(1)
    for entity, char in ENTITIES:
        raw = raw.replace(entity, char)
    words = query.group(1).replace("'", '"').replace("True", "true").replace("False", "false")
    return json.loads(raw), json.loads(words)
