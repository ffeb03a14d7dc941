"""How a command reaches the server that runs: a socket only the service's own user may use.

A command must not open the database beside the server (data/database.py would refuse it anyway),
so it asks the server to do the work. The socket lies in the hospital's folder with mode 0600, and
the kernel tells who is at the other end. The messages are JSON, each after its length:

    command: {"verb": "audit.verify", "arguments": {}}
    server:  {"accepted": true}                      at once, so that a hanging server is seen
    server:  {"waiting": true}                       if another order is being carried out
    server:  {"answer": {...}} or {"refusal": {"kind": "Conflict", "code": ..., "details": {...}}}
"""

import asyncio
import json
import logging
import os
import socket
import struct
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from data import errors
from data.errors import DomainError, Invalid, Unavailable

log = logging.getLogger(__name__)

Answer = dict[str, Any]
Handler = Callable[[dict[str, Any]], Awaitable[Answer]]

NAME = "control.sock"
LENGTH = struct.Struct(">I")
LONGEST_REQUEST = 64 * 1024
LONGEST_ANSWER = 16 * 1024 * 1024
PATIENCE = 5  # seconds until the server must have taken the order; the work itself may take hours
LONGEST_PATH = 100  # a socket's address holds 108 bytes
PEER = struct.Struct("3i")  # process, user and group, as Linux tells them


class Control:
    """The server's end: listens as long as it is open, one order after the other.

    Those in `at_once` only look, and wait for nobody.
    """

    def __init__(
        self, folder: Path, handlers: Mapping[str, Handler], at_once: Collection[str] = ()
    ) -> None:
        self._folder = folder
        self._handlers = handlers
        self._at_once = at_once
        self._turn = asyncio.Lock()
        self._server: asyncio.Server | None = None
        self._callers: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Listen; whoever holds the database may take a dead server's socket away."""
        (self._folder / NAME).unlink(missing_ok=True)
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        os.fchmod(listening.fileno(), 0o600)  # before it has a name, so it never is more
        with _address(self._folder) as address:
            listening.bind(address)
        (self._folder / NAME).chmod(0o600)
        self._server = await asyncio.start_unix_server(self._welcome, sock=listening)

    async def close(self) -> None:
        """Stop listening, let the order at hand end, and take the socket away."""
        if self._server is None:
            return
        self._server.close()
        async with self._turn:
            pass
        for caller in self._callers:
            caller.cancel()
        await asyncio.gather(*self._callers, return_exceptions=True)
        (self._folder / NAME).unlink(missing_ok=True)

    async def _welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task:
            self._callers.add(task)
            task.add_done_callback(self._callers.discard)
        try:
            if not _is_ours(writer.get_extra_info("socket")):
                log.warning("somebody else's process knocked at the command socket")
                return
            await self._serve(reader, writer)
        except (OSError, asyncio.IncompleteReadError, TimeoutError):
            log.info("a command hung up")
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with asyncio.timeout(PATIENCE):
            order = await _read(reader)
        await _write(writer, {"accepted": True})
        if isinstance(order, dict) and order.get("verb") in self._at_once:
            await _write(writer, await self._carry_out(order))
            return
        if self._turn.locked():
            await _write(writer, {"waiting": True})
        async with self._turn:
            if reader.at_eof():
                log.info("a command gave up before its turn came")
                return
            await _write(writer, await self._carry_out(order))

    async def _carry_out(self, order: Any) -> Answer:
        try:
            verb, arguments = order["verb"], dict(order["arguments"])
            return {"answer": await self._handler(verb)(arguments)}
        except DomainError as refusal:
            return {"refusal": _told(refusal)}
        except (KeyError, TypeError, ValueError):
            log.exception("a command was not understood")
            return {"refusal": _told(Invalid("verb_unknown", verb="?"))}
        except Exception:  # it is the command's trouble, and must not be the server's
            log.exception("a command failed")
            return {"refusal": _told(Unavailable("unexpected"))}

    def _handler(self, verb: str) -> Handler:
        if verb not in self._handlers:
            raise Invalid("verb_unknown", verb=str(verb)[:40])
        return self._handlers[verb]


def ask(
    folder: Path,
    verb: str,
    arguments: dict[str, Any],
    waiting: Callable[[], None] = lambda: None,
) -> Answer | None:
    """Have the server do something and return its answer; None if no server runs here.

    Blocks as long as the work takes, and calls `waiting` if another order comes first. Raise what
    the server refused with, or `Unavailable("server_hangs")` if it does not even take the order.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
        line.settimeout(PATIENCE)
        try:
            with _address(folder) as address:
                line.connect(address)
            _send(line, {"verb": verb, "arguments": arguments})
            _receive(line)
        except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError):
            return None
        except PermissionError:
            raise errors.Forbidden("control_socket_not_ours") from None
        except (TimeoutError, OSError):
            raise Unavailable("server_hangs") from None
        line.settimeout(None)
        try:
            said = _receive(line)
            if "waiting" in said:
                waiting()
                said = _receive(line)
        except OSError:
            raise Unavailable("server_gone") from None
    if "refusal" in said:
        raise _refused(said["refusal"])
    return dict(said["answer"])


def _is_ours(line: socket.socket) -> bool:
    """Tell whether our own user, or root, is at the other end; the kernel knows."""
    if not hasattr(socket, "SO_PEERCRED"):
        return True  # no Linux: the socket's mode has to do
    told = line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, PEER.size)
    _, user, _ = PEER.unpack(told)
    return user in {0, os.geteuid()}


@contextmanager
def _address(folder: Path) -> Iterator[str]:
    """Yield the socket's address: by way of an open folder where its path is too long for one."""
    path = str(folder / NAME)
    if len(os.fsencode(path)) <= LONGEST_PATH:
        yield path
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{descriptor}/{NAME}"
    finally:
        os.close(descriptor)


async def _read(reader: asyncio.StreamReader) -> Any:
    (length,) = LENGTH.unpack(await reader.readexactly(LENGTH.size))
    if length > LONGEST_REQUEST:
        raise OSError("too long")
    return _loaded(await reader.readexactly(length))


async def _write(writer: asyncio.StreamWriter, message: Answer) -> None:
    writer.write(_packed(message))
    await writer.drain()


def _send(line: socket.socket, message: Answer) -> None:
    line.sendall(_packed(message))


def _receive(line: socket.socket) -> dict[str, Any]:
    (length,) = LENGTH.unpack(_exactly(line, LENGTH.size))
    if length > LONGEST_ANSWER:
        raise OSError("too long")
    return dict(_loaded(_exactly(line, length)))


def _exactly(line: socket.socket, count: int) -> bytes:
    parts = bytearray()
    while len(parts) < count:
        part = line.recv(count - len(parts))
        if not part:
            raise ConnectionResetError("the server hung up")
        parts += part
    return bytes(parts)


def _packed(message: Answer) -> bytes:
    content = json.dumps(message, ensure_ascii=False, default=str).encode()
    return LENGTH.pack(len(content)) + content


def _loaded(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        raise OSError("not JSON") from None


def _told(refusal: DomainError) -> Answer:
    details = {name: str(value) for name, value in refusal.details.items()}
    return {"kind": type(refusal).__name__, "code": refusal.code, "details": details}


def _refused(told: Answer) -> DomainError:
    kind = getattr(errors, str(told["kind"]), DomainError)
    known = isinstance(kind, type) and issubclass(kind, DomainError)
    return (kind if known else DomainError)(str(told["code"]), **told["details"])
