"""What every answer says to the browser besides its content."""

from nicegui import __version__ as nicegui_version
from starlette.datastructures import MutableHeaders

CONTENT_SECURITY_POLICY = (
    "default-src 'self'; "
    # NiceGUI compiles its templates in the browser, which needs eval; a script that somebody
    # smuggled into a page has no nonce and does not run.
    "script-src 'self' 'nonce-{nonce}' 'unsafe-eval'; "
    "style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; "
    "media-src 'self' blob:; "
    "connect-src 'self'; "
    "font-src 'self' data:; "
    "worker-src 'self' blob:; "
    "manifest-src 'self'; "
    "object-src 'none'; "
    "base-uri 'none'; "
    "form-action 'self'; "
    "frame-ancestors 'none'"
)

FOR_ALL = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "permissions-policy": "camera=(self), microphone=(self), bluetooth=(self), "
    "display-capture=(self), geolocation=(), payment=(), usb=()",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}

HSTS = "max-age=31536000"
"""For this name alone: what else the hospital serves below it is not ours to shut off."""
FOREVER = "public, max-age=31536000, immutable"
NICEGUI_FILES = f"/_nicegui/{nicegui_version}/"
NICEGUI_CHANGING = f"/_nicegui/{nicegui_version}/dynamic_resources/"
OUR_FILES = "/static/"
NEVER_KEPT = ("text/html", "application/json", "application/problem+json", "text/markdown")


def is_asset(path: str) -> bool:
    """Tell whether this is a file that is the same for everybody."""
    return path.startswith((NICEGUI_FILES, OUR_FILES)) or path == "/favicon.ico"


def caching(path: str, media_type: str) -> str | None:
    """Return how long browsers may keep an answer; None leaves what the route said.

    Pages hold the number that their socket answers to, and people's data: never kept. Files that
    carry their version in the address never change; whether a fingerprint of ours is the right
    one, the route of our own files knows (`pages/static_routes.py`).
    """
    if path.startswith(NICEGUI_FILES) and not path.startswith(NICEGUI_CHANGING):
        return FOREVER
    if media_type.startswith(NEVER_KEPT):
        return "no-store"
    return None


def dress(headers: MutableHeaders, *, nonce: str, hsts: bool) -> None:
    """Add the security headers that the route has not set itself."""
    for name, value in FOR_ALL.items():
        headers.setdefault(name, value)
    headers.setdefault("content-security-policy", CONTENT_SECURITY_POLICY.format(nonce=nonce))
    if hsts:
        headers["strict-transport-security"] = HSTS
    if "server" in headers:
        del headers["server"]
