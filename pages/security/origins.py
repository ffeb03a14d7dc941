"""Where a request comes from: the sender's address, our own names, the page that sent it."""

import ipaddress
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import Scope

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host")
LONGEST_PATH = 2000
NEVER_BELIEVED = ("x-forwarded-prefix",)  # we are never served under a prefix


def believe_proxies(scope: Scope, proxies: frozenset[str]) -> None:
    """Replace the sender and scheme by what a proxy of ours says; drop what others claim.

    From the right of X-Forwarded-For, all its lines together, the first hop that is no proxy of
    ours is the sender: anything left of it was written by the sender himself. Where that hop is no
    address ("unknown"), the request counts for the proxy.
    """
    headers = MutableHeaders(scope=scope)
    for name in NEVER_BELIEVED:
        del headers[name]
    sender = scope.get("client")
    if sender is None or _hop(sender[0]) not in proxies:
        for name in FORWARDED:
            del headers[name]
        return
    hops = (_hop(hop) for hop in reversed(_all_of(headers, "x-forwarded-for")))
    found = next((hop for hop in hops if hop not in proxies), "")
    if found:
        scope["client"] = (found, 0)
    proto = _all_of(headers, "x-forwarded-proto")[-1]
    if proto in {"http", "https"}:
        ends = {"http": ("http", "ws"), "https": ("https", "wss")}[proto]
        scope["scheme"] = ends[0] if scope["type"] == "http" else ends[1]


def _all_of(headers: Headers, name: str) -> list[str]:
    """Return what all lines of a header list, in order: a proxy may add a line of its own."""
    return [each.strip() for each in ",".join(headers.getlist(name)).split(",")]


def _hop(written: str) -> str:
    """Return a hop's address as we write it, without its port; empty if it is none."""
    bare = written
    if written.startswith("["):
        bare = written[1:].partition("]")[0]
    elif written.count(":") == 1 and written.rpartition(":")[2].isdecimal():
        bare = written.partition(":")[0]
    try:
        address = ipaddress.ip_address(bare)
    except ValueError:
        return ""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)


def came_through_a_proxy(scope: Scope) -> bool:
    """Tell whether a proxy of ours passed this on, so that it was not sent on this machine."""
    headers = Headers(scope=scope)
    return any(name in headers for name in FORWARDED)


def sender_of(scope: Scope) -> str:
    """Return the sender's address, without port; empty over a Unix socket."""
    client = scope.get("client")
    return str(client[0]) if client else ""


def is_secure(scope: Scope) -> bool:
    """Tell whether the connection is encrypted up to us or our proxy."""
    return scope["scheme"] in {"https", "wss"}


def is_loopback(host: str) -> bool:
    """Tell whether this name or address always means the very machine (a secure context)."""
    name = _bare(host)
    if name == "localhost":
        return True
    return _is_address(name) and ipaddress.ip_address(name).is_loopback


@dataclass(frozen=True, slots=True)
class OwnNames:
    """The names we answer to.

    A page of a stranger whose name was made to point at us (DNS rebinding) has a name that is not
    ours; addresses cannot be made to point elsewhere and are always ours.
    """

    names: frozenset[str]

    @classmethod
    def of(cls, public_url: str = "", more: Iterable[str] = ()) -> "OwnNames":
        """Collect them: what people type, this machine's name on the network, localhost."""
        machine = socket.gethostname().lower()
        names = {"localhost", machine, f"{machine.partition('.')[0]}.local"}
        public = urlsplit(public_url).hostname
        names |= {public} if public else set()
        return cls(frozenset(names | {name.lower() for name in more}))

    def has(self, host: str) -> bool:
        """Tell whether a Host header (port allowed) is one of ours."""
        name = _bare(host)
        return _is_address(name) or name in self.names


def is_foreign(scope: Scope) -> bool:
    """Tell whether a page of another site sent this, as far as the browser says. (CSRF)

    Every browser of our floor sends Origin with a POST and with a WebSocket; a program that does
    not (and that holds a cookie) has to say Sec-Fetch-Site or Origin as a browser would.
    """
    headers = Headers(scope=scope)
    origin = headers.get("origin")
    if origin is None:
        return headers.get("sec-fetch-site") not in {"same-origin", "none"}
    scheme = "https" if is_secure(scope) else "http"
    return origin.lower() != f"{scheme}://{headers.get('host', '').lower()}"


def _bare(host: str) -> str:
    """Take the port and the brackets of IPv6 off a Host header."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.rpartition(":")[0].lower() if host.count(":") == 1 else host.lower()


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def local_path(path: str | None, otherwise: str = "/") -> str:
    """Return `path` if it leads to a page of ours, else `otherwise`. (open redirects)"""
    if not path or not path.startswith("/") or path.startswith(("//", "/\\")):
        return otherwise
    if "\\" in path or not path.isprintable() or len(path) > LONGEST_PATH:
        return otherwise
    parts = urlsplit(path)
    return otherwise if parts.scheme or parts.netloc else path
