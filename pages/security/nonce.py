"""Gives the scripts of an HTML answer the nonce without which the browser runs none. (CSP)"""

import re
from typing import cast

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SCRIPT = re.compile(rb"<script(?=[\s>])", re.IGNORECASE)


class Nonce:
    """An ASGI layer: HTML is gathered and marked, everything else streams through untouched."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        nonce = cast("str", scope.get("state", {}).get("nonce", ""))
        if scope["type"] != "http" or not nonce:
            await self._app(scope, receive, send)
            return
        await self._app(scope, receive, _Marking(send, nonce.encode()).send)


class _Marking:
    """One answer on its way out."""

    def __init__(self, send: Send, nonce: bytes) -> None:
        self._send = send
        self._mark = b'<script nonce="' + nonce + b'"'
        self._start: Message | None = None
        self._body = bytearray()

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start" and _is_html(message):
            self._start = message
        elif self._start is None or message["type"] != "http.response.body":
            await self._send(message)
        else:
            self._body += message.get("body", b"")
            if not message.get("more_body"):
                await self._finish(self._start)

    async def _finish(self, start: Message) -> None:
        body = SCRIPT.sub(self._mark, bytes(self._body))
        headers = MutableHeaders(raw=list(start["headers"]))
        if "content-length" in headers:
            headers["content-length"] = str(len(body))
        await self._send({**start, "headers": headers.raw})
        await self._send({"type": "http.response.body", "body": body})


def _is_html(start: Message) -> bool:
    headers = MutableHeaders(raw=list(start["headers"]))
    # An answer that is packed already cannot be marked; ours are packed outside of this layer.
    is_html = headers.get("content-type", "").startswith("text/html")
    return is_html and "content-encoding" not in headers
