"""The page for whoever comes while the house is full: it says so, and tries again by itself."""

from starlette.responses import JSONResponse, Response
from starlette.types import Scope

from data.errors import DomainError
from pages.plain import Plain
from pages.security.refusals import CODE, PROBLEM, language_of, problem, sentence, wants_json
from services.i18n import say


def page(scope: Scope, error: DomainError) -> Response:
    """Return the waiting page (等候页), 503 with Retry-After. No NiceGUI page stands behind it."""
    scope.setdefault("state", {})[CODE] = error.code
    seconds = int(str(error.details.get("retry_after", 15)))
    headers = {"retry-after": str(seconds)}
    if wants_json(scope):
        return JSONResponse(problem(error, 503), 503, headers, media_type=PROBLEM)
    language = language_of(scope)
    waiting = Plain(
        title=say(language, "waiting.title"),
        sentences=(
            sentence(language, error),
            say(language, "waiting.retries", seconds=seconds),
            say(language, "waiting.emergency"),
        ),
        code=say(language, "error.code", code=error.code),
        refresh=seconds,
        headers=headers,
    )
    return waiting.answer(language, 503)
