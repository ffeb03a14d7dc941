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


def may_sign_in(scope: Scope) -> bool:
    """Tell whether a session may travel on this connection: encrypted, or within this machine."""
    return cookie_name(scope, SESSION) is not None


def session_token(scope: Scope) -> str:
    """Return the token of the session, open or on the way in, that this browser holds."""
    return read_cookie(scope, SESSION)


def set_session(
    response: Response, scope: Scope, token: str, actor: Actor | None, *, seconds: int
) -> None:
    """Hand the browser its session for so many seconds at most; the server decides anyway.

    Patients come back from payment and SMS links (lax); staff and whoever is still on the way in
    do not (strict).
    """
    called = cookie_name(scope, SESSION)
    if called is None:
        return
    is_outsider = actor is not None and actor.roles <= OUTSIDERS
    same_site: Literal["lax", "strict"] = "lax" if is_outsider else "strict"
    response.set_cookie(
        called,
        token,
        max_age=seconds,
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
