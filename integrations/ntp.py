"""Asks a time server how wrong our clock is, by SNTP (RFC 4330)."""

import asyncio
import struct

from data.clock import Clock
from data.errors import Unavailable
from services.setting_kinds import host_and_port

PORT = 123
SILENCE_SECONDS = 3
CLIENT = 0x23  # no leap warning, version 4, mode 3
TO_1970 = 2_208_988_800  # seconds from NTP's era (1900) to Unix's
SERVER_MODES = frozenset({4, 5})
LARGEST_STRATUM = 15
SIZE = 48


class NtpTime:
    """One time server."""

    def __init__(self, address: str, clock: Clock) -> None:
        """`address` is `host` or `host:port`, IPv6 as `[address]:port`."""
        self._host, port = host_and_port(address)
        self._port = port or PORT
        self._clock = clock

    async def ahead(self) -> float:
        """Return by how many seconds our clock is ahead; raise `Unavailable` without an answer."""
        sent = self._clock.now().timestamp()
        try:
            async with asyncio.timeout(SILENCE_SECONDS):
                answer = await self._ask(request(sent))
        except (OSError, TimeoutError):
            raise Unavailable("time_server_silent") from None
        return ahead(answer, sent, self._clock.now().timestamp())

    async def _ask(self, packet: bytes) -> bytes:
        loop = asyncio.get_running_loop()
        transport, waiting = await loop.create_datagram_endpoint(
            lambda: _Answer(loop.create_future()), remote_addr=(self._host, self._port)
        )
        try:
            transport.sendto(packet)
            return await waiting.received
        finally:
            transport.close()


class _Answer(asyncio.DatagramProtocol):
    """Waits for one datagram."""

    def __init__(self, received: asyncio.Future[bytes]) -> None:
        self.received = received

    def datagram_received(self, data: bytes, addr: object) -> None:
        del addr
        if not self.received.done():
            self.received.set_result(data)

    def error_received(self, exc: Exception) -> None:
        if not self.received.done():
            self.received.set_exception(exc)


def request(sent: float) -> bytes:
    """Return a client's question, sent at this Unix time."""
    return struct.pack("!B39x8s", CLIENT, _stamp(sent))


def ahead(answer: bytes, sent: float, received: float) -> float:
    """Return how far the asker's clock is ahead of the server's, from the four moments.

    Raise `Unavailable` for what is no answer to our question, or comes from a server that does
    not know the time itself.
    """
    if len(answer) < SIZE or answer[24:32] != _stamp(sent):
        raise Unavailable("time_server_silent")
    leap, mode, stratum = answer[0] >> 6, answer[0] & 7, answer[1]
    if mode not in SERVER_MODES or leap == 3 or not 1 <= stratum <= LARGEST_STRATUM:  # noqa: PLR2004 - "clock not synchronized" is 3
        raise Unavailable("time_server_unsure")
    arrived, answered = _moment(answer[32:40]), _moment(answer[40:48])
    return ((sent - arrived) + (received - answered)) / 2


def _stamp(moment: float) -> bytes:
    whole = int(moment)
    return struct.pack("!II", (whole + TO_1970) & 0xFFFFFFFF, int((moment - whole) * 2**32))


def _moment(stamp: bytes) -> float:
    whole, part = struct.unpack("!II", stamp)
    era = 0 if whole >= TO_1970 else 2**32  # after February 2036 it counts from there
    return float(whole + era - TO_1970 + part / 2**32)
