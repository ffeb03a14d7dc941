"""Says no: one sentence and one code, as a page to people and as JSON to programs."""

import logging
import secrets
from urllib.parse import quote

from starlette.datastructures import Headers
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from data.errors import DomainError
from pages.plain import Plain
from services.i18n import LANGUAGES, has, say

log = logging.getLogger(__name__)

PROBLEM = "application/problem+json"
PATHS_OF_SOCKETS = ("/_nicegui_ws/", "/_nicegui/client/")
STATUS = {
    "body_too_large": 413,
    "method_not_allowed": 405,
    "unexpected": 500,
    "unknown_host": 421,
    "page_stale": 410,
    "socket_malformed": 400,
}
"""Refusals whose HTTP status is narrower than that of their kind."""


CODE = "refusal"
"""Where the code of a refusal stands in a request's state, for whoever counts."""


def refusal(scope: Scope, error: DomainError) -> Response:
    """Return the answer for `error`, in the asker's language and form."""
    scope.setdefault("state", {})[CODE] = error.code
    status = STATUS.get(error.code, error.status)
    headers = {}
    if "retry_after" in error.details:
        headers["retry-after"] = str(error.details["retry_after"])
    if wants_json(scope):
        return JSONResponse(problem(error, status), status, headers, media_type=PROBLEM)
    language = language_of(scope)
    title = f"refusal.title.{status}"
    code = f"{error.code} {error.details.get('reference', '')}".strip()
    page = Plain(
        title=say(language, title if has(title) else "refusal.title"),
        sentences=(sentence(language, error),),
        links=_ways_on(language, error),
        code=say(language, "error.code", code=code),
        headers=headers,
    )
    return page.answer(language, status)


def _ways_on(language: str, error: DomainError) -> tuple[tuple[str, str], ...]:
    """Return where a refusal leads: home, and to the glass where it may be broken."""
    home = ("/", say(language, "refusal.home"))
    if error.code != "behind_glass":
        return (home,)
    glass = f"/emergency?patient={quote(str(error.details['patient']))}"
    return ((glass, say(language, "refusal.break_glass")), home)


def unexpected(scope: Scope, error: Exception) -> Response:
    """Write down a defect under a number, and tell whoever met it that number and no more."""
    reference = secrets.token_hex(4)
    log.error("defect %s at %s", reference, scope["path"], exc_info=error)
    return refusal(scope, DomainError("unexpected", reference=reference))


def problem(error: DomainError, status: int) -> dict[str, object]:
    """Return an error as problem details (RFC 9457), its sentence in every language of ours."""
    titles = {language: sentence(language, error) for language in LANGUAGES}
    return {"type": "about:blank", "status": status, "code": error.code, "title": titles}


def sentence(language: str, error: DomainError) -> str:
    """Return the sentence of an error; one without its own is told by its kind."""
    key = f"error.{error.code}"
    return say(
        language, key if has(key, language) else f"error.{type(error).code}", **error.details
    )


def wants_json(scope: Scope) -> bool:
    """Tell whether a program asks: our API, our own scripts, or whoever does not take HTML."""
    if scope["path"].startswith("/api/"):
        return True
    accept = Headers(scope=scope).get("accept", "")
    return "json" in accept and "text/html" not in accept


def language_of(scope: Scope) -> str:
    """Return the language the gate has found for this request."""
    found: str = scope.get("state", {}).get("language", LANGUAGES[0])
    return found


async def refuse(scope: Scope, receive: Receive, send: Send, error: DomainError) -> None:
    """Answer a request or a WebSocket that goes no further."""
    answer = refusal(scope, error)
    if scope["type"] == "http":
        await answer(scope, receive, send)
        return
    if "websocket.http.response" in scope.get("extensions", {}):
        start = {"status": answer.status_code, "headers": answer.raw_headers}
        await send({"type": "websocket.http.response.start", **start})
        await send({"type": "websocket.http.response.body", "body": answer.body})
        return
    await receive()
    await send({"type": "websocket.close", "code": 4000 + answer.status_code})
