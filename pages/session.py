"""Who is looking at the page that is being built, or whose handler is running."""

from urllib.parse import quote

from nicegui import context
from starlette.requests import HTTPConnection, Request

from pages.security.cookies import session_token
from pages.security.origins import local_path
from pages.security.visitors import Visitor
from services.policy import ANYBODY, Actor

SIGN_IN = "/sign-in"
PATIENT_SIGN_IN = "/welcome"
CONFIRM = "/confirm"
"""Where staff and patients sign in, and where staff prove once more who they are."""


def current_actor() -> Actor:
    """Return who acts on this page, with the rights they have at this moment.

    Before sign-in that is `ANYBODY`. Never keep the answer from one handler to the next.
    """
    return actor_of(context.client.request)


def actor_of(request: HTTPConnection) -> Actor:
    """Return who sent a request or opened a socket, for routes that are no pages."""
    visitor = visitor_of(request)
    return ANYBODY if visitor is None else visitor.actor


def visitor_of(request: HTTPConnection) -> Visitor | None:
    """Return the session behind a request, as the gate found it; None only without a gate."""
    found: Visitor | None = getattr(request.state, "visitor", None)
    return found


def current_token() -> str:
    """Return what the browser holds: also of a session that is still on the way in."""
    return session_token(context.client.request.scope)


def is_signed_in() -> bool:
    """Tell whether somebody we know looks at this page."""
    visitor = visitor_of(context.client.request)
    return visitor is not None and not visitor.is_guest


def detour(path: str, request: Request) -> str:
    """Return the address of `path` that leads back to the page of `request`."""
    query = f"?{request.url.query}" if request.url.query else ""
    back = local_path(request.url.path + query)
    return f"{path}?next={quote(back, safe='')}"
