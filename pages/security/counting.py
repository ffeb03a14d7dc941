"""Counts what was asked: how long each answer took, by route, and what was refused, by code."""

from collections.abc import Callable
from typing import cast

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pages.routes import Routes
from pages.security.refusals import CODE
from services.metrics import Metrics

NOWHERE = "none"
"""The label of every address that is not ours: what strangers try must not grow our labels."""


class Counting:
    """The outermost ASGI layer; it changes nothing. What nobody waited for is not counted."""

    def __init__(self, app: ASGIApp, routes: Routes, metrics: Metrics) -> None:
        self._app = app
        self._routes = routes
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answered, status = self._metrics.asked(), 0

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = cast("int", message["status"])
            elif message["type"] == "http.response.body" and not message.get("more_body"):
                self._count(scope, status, answered)
            await send(message)

        await self._app(scope, receive, watched)

    def _count(self, scope: Scope, status: int, answered: Callable[[str, int], None]) -> None:
        route = self._routes.find(scope["method"], scope["path"])
        answered(route.path if route else NOWHERE, status)
        code = scope.get("state", {}).get(CODE)
        if code:
            self._metrics.refusal(code)
