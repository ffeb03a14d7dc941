"""The two cookies of ours that mean something: the session, and a guest's number."""

from typing import Literal

from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.responses import Response
from starlette.types import Scope

from pages.security.origins import is_loopback, is_secure
from services.policy import Actor
from services.rules import OUTSIDERS

SESSION = "xinglin"
GUEST = "xinglin-guest"
LONGEST_SECONDS = 12 * 3600
"""No session lives longer (S-AUTH-1); the server decides, the browser only forgets."""

LONGEST_VALUE = 200


def cookie_name(scope: Scope, name: str) -> str | None:
    """Return what a cookie is called on this connection, or None where none may be used.

    `__Host-` makes the browser insist on TLS, on this very host and on the whole site. Without
    TLS only the machine itself may sign in: there is no wire to listen on.
    """
    if is_secure(scope):
        return f"__Host-{name}"
    return name if is_loopback(Headers(scope=scope).get("host", "")) else None


def read_cookie(scope: Scope, name: str) -> str:
    """Return the cookie's value, or nothing."""
    called = cookie_name(scope, name)
    if called is None:
        return ""
    value = cookie_parser(Headers(scope=scope).get("cookie", "")).get(called, "")
    return value if len(value) <= LONGEST_VALUE else ""


def set_session(response: Response, scope: Scope, token: str, actor: Actor) -> None:
    """Hand the browser its session: patients come back from payment and SMS links (lax)."""
    called = cookie_name(scope, SESSION)
    if called is None:
        return
    same_site: Literal["lax", "strict"] = "lax" if actor.roles <= OUTSIDERS else "strict"
    response.set_cookie(
        called,
        token,
        max_age=LONGEST_SECONDS,
        secure=is_secure(scope),
        httponly=True,
        samesite=same_site,
    )


def drop_session(response: Response, scope: Scope) -> None:
    """Have the browser forget its session."""
    called = cookie_name(scope, SESSION)
    if called is not None:
        response.delete_cookie(called, secure=is_secure(scope), httponly=True)


def guest_cookie(scope: Scope, number: str) -> str | None:
    """Return the Set-Cookie header that gives a guest's browser its number."""
    called = cookie_name(scope, GUEST)
    if called is None:
        return None
    response = Response()
    response.set_cookie(called, number, secure=is_secure(scope), httponly=True, samesite="lax")
    return response.headers["set-cookie"]
