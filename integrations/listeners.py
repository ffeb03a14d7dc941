"""Listens for browsers: uvicorn on each address, started and stopped as one."""

import asyncio
import errno
import socket
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn

from data.errors import DomainError, Forbidden, Unavailable
from services.tls import require_pair

GRACE_SECONDS = 10
BACKLOG = 2048
UNKNOWN = {socket.EAI_NONAME, socket.EAI_AGAIN, socket.EAI_FAIL}
NOT_HERE = {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}  # without IPv6 none of its addresses


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen; with a certificate it is HTTPS."""

    host: str
    port: int
    chain: Path | None = None
    key: Path | None = None


class Listener(uvicorn.Server):
    """uvicorn without its own way with signals: one signal stops all of the house, in order."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Doors:
    """The addresses while they are listened at."""

    def __init__(self, listeners: Sequence[Listener]) -> None:
        self._listeners = listeners

    async def show(self, chain: Path, key: Path) -> None:
        """Meet whoever comes from now on with this certificate; nobody who is in is disturbed.

        Raise `Invalid` for a pair that does not fit, and keep the old.
        """
        await asyncio.to_thread(require_pair, chain, key)
        for listener in self._listeners:
            if listener.config.ssl:  # on the loop, where the handshakes are; two small files
                listener.config.ssl.load_cert_chain(chain, key)


@asynccontextmanager
async def listen(server: Any, addresses: Sequence[Address]) -> AsyncIterator[Doors]:
    """Serve an ASGI application at `addresses` while the block runs.

    Raise `Unavailable` or `Forbidden` for an address that cannot be listened at, and `Invalid` for
    a certificate and a key that cannot be used; then nothing listens.
    """
    for address in addresses:
        if address.chain and address.key:
            await asyncio.to_thread(require_pair, address.chain, address.key)
    sockets = _sockets(addresses)
    listeners = [
        Listener(_config(server, address, first=number == 0))
        for number, address in enumerate(addresses)
    ]
    async with asyncio.TaskGroup() as tasks:
        for listener, bound in zip(listeners, sockets, strict=True):
            serving = tasks.create_task(listener.serve(sockets=[bound]), name="listener")
            # uvicorn has no event for it
            while not listener.started and not serving.done():  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        try:
            yield Doors(listeners)
        finally:
            for listener in listeners:
                listener.should_exit = True


def _config(server: Any, address: Address, *, first: bool) -> uvicorn.Config:
    return uvicorn.Config(
        server,
        loop="uvloop",
        http="httptools",
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        lifespan="on" if first else "off",  # the application starts once, however many addresses
        log_config=None,
        access_log=False,
        proxy_headers=False,  # the gate believes only the proxies that are set
        server_header=False,
        date_header=True,
        timeout_graceful_shutdown=GRACE_SECONDS,
        ssl_certfile=address.chain,
        ssl_keyfile=address.key,
    )


def _sockets(addresses: Sequence[Address]) -> list[socket.socket]:
    bound: list[socket.socket] = []
    for address in addresses:
        try:
            family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
            made = socket.create_server(
                (address.host, address.port), family=family, backlog=BACKLOG
            )
        except OSError as trouble:
            for each in bound:
                each.close()
            raise _refusal(address, trouble) from None
        bound.append(made)
    return bound


def _refusal(address: Address, trouble: OSError) -> DomainError:
    """Say why nobody can listen there; what may heal by itself is `Unavailable`."""
    host = f"[{address.host}]" if ":" in address.host else address.host
    place = f"{host}:{address.port}"
    if isinstance(trouble, PermissionError):
        return Forbidden("port_not_allowed", address=place)
    if trouble.errno in UNKNOWN:  # create_server makes a plain OSError of it
        return Unavailable("host_unknown", address=place)
    if trouble.errno == errno.EADDRINUSE:
        return Unavailable("port_taken", address=place)
    if trouble.errno in NOT_HERE:
        return Unavailable("address_not_here", address=place)
    return Unavailable("listening_failed", address=place, problem=trouble.strerror)
