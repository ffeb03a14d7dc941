"""Serves what is the same for everybody: style, icons, scripts, and the pages without a person."""

import hashlib
import mimetypes
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from html import escape
from pathlib import Path

from fastapi import FastAPI
from nicegui import __version__ as nicegui_version
from starlette.requests import Request
from starlette.responses import Response

from pages.theme import STATIC

FOREVER = "public, max-age=31536000, immutable"
ASK_AGAIN = "no-cache"
PUBLIC = (
    ("/static/", "style, icons and scripts, the same for everybody"),
    ("/sw.js", "the service worker: keeps the files above and the page without a network"),
    ("/offline.html", "shown without a network"),
    ("/old.html", "shown to browsers below the floor"),
)
"""What is served here and why anybody may have it, for the registry of routes."""

PAGES = frozenset({"offline.html", "old.html"})
CALL = {
    "@CALL@": ("或者打电话：{}", "或者打医院的电话。"),
    "@CALL_EN@": ("Or call {}.", "Or call the hospital."),
}
"""Where these pages say whom to call: with a number, and while none is known."""
WORKER = "sw.js"
TYPES = {".webmanifest": "application/manifest+json", ".js": "text/javascript; charset=utf-8"}


@dataclass(frozen=True, slots=True)
class StaticFile:
    """A file kept in memory: there are few, all small, and none may be read on the loop."""

    body: bytes
    media_type: str
    digest: str

    def answer(self, request: Request) -> Response:
        """Answer it, to be kept for ever when its address names this very version."""
        tag = f'"{self.digest}"'
        fixed = request.query_params.get("v") == self.digest[:12]
        headers = {"cache-control": FOREVER if fixed else ASK_AGAIN, "etag": tag}
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        return Response(self.body, media_type=self.media_type, headers=headers)


def load() -> dict[str, StaticFile]:
    """Read every file of pages/static, by name."""
    return {path.name: _read(path) for path in sorted(STATIC.iterdir()) if path.is_file()}


def _read(path: Path) -> StaticFile:
    body = path.read_bytes()
    guessed = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    kind = TYPES.get(path.suffix, guessed)
    return StaticFile(body, kind, hashlib.sha256(body).hexdigest())


async def _no_number() -> str:
    return ""


def mount_static(server: FastAPI, *, phone: Callable[[], Awaitable[str]] = _no_number) -> None:
    """Serve the files; `phone` returns the number the two pages without a network or script give.

    Routes: /static/<file>, /sw.js, /offline.html, /old.html. All are public.
    """
    files = load()

    async def static(request: Request) -> Response:
        name = request.path_params["name"]
        found = None if name in PAGES or name == WORKER else files.get(name)
        return found.answer(request) if found else Response("Not found", status_code=404)

    async def page(request: Request) -> Response:
        text = files[request.url.path.removeprefix("/")].body.decode()
        headers = {"cache-control": ASK_AGAIN}
        number = await phone()
        for mark, words in CALL.items():
            text = text.replace(mark, _call(number, *words))
        return Response(text, media_type="text/html; charset=utf-8", headers=headers)

    async def worker(request: Request) -> Response:
        del request
        text = files[WORKER].body.decode()
        version = _version(files, await phone())
        body = text.replace("@NICEGUI@", nicegui_version).replace("@VERSION@", version)
        headers = {"cache-control": ASK_AGAIN, "service-worker-allowed": "/"}
        return Response(body, media_type="text/javascript; charset=utf-8", headers=headers)

    server.add_route("/static/{name}", static, include_in_schema=False)
    server.add_route("/sw.js", worker, include_in_schema=False)
    for name in sorted(PAGES):
        server.add_route(f"/{name}", page, include_in_schema=False)


def _version(files: dict[str, StaticFile], phone: str) -> str:
    """Change with any of the files and with the number, so that the old shelf is emptied."""
    digests = nicegui_version + phone + "".join(file.digest for file in files.values())
    return hashlib.sha256(digests.encode()).hexdigest()[:16]


def _call(phone: str, said: str, unknown: str) -> str:
    if not phone:
        return f"<p>{unknown}</p>"
    dial = "".join(char for char in phone if char.isdigit() or char == "+")
    return "<p>" + said.format(f'<a href="tel:{dial}"><b>{escape(phone)}</b></a>') + "</p>"
