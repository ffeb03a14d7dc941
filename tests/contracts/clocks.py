"""Every adapter of the port `TimeSource`, each with the other end of its line: one line joins."""

import asyncio
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field

from data.clock import SystemClock
from integrations.ntp import NtpTime
from services.ports import TimeSource

TO_1970 = 2_208_988_800  # seconds from NTP's era (1900) to Unix's
SERVER, CLIENT_MODE = 0x24, 3  # version 4, mode 4: a server answers


@dataclass
class Bench:
    """A source, and what the server at its other end tells."""

    source: TimeSource
    ahead: float = 0.0
    """Seconds by which the server is ahead of us."""
    knows: bool = True
    answers: bool = True


@dataclass
class TimeServer(asyncio.DatagramProtocol):
    """A small time server after RFC 4330, section 6, of which only what we are asked is here."""

    bench: list[Bench] = field(default_factory=list)
    transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        [bench] = self.bench
        if not bench.answers or len(data) < 48 or data[0] & 7 != CLIENT_MODE:
            return
        now = SystemClock().now().timestamp() + bench.ahead
        stamp = struct.pack("!II", int(now) + TO_1970, int(now % 1 * 2**32))
        first, stratum = (SERVER, 2) if bench.knows else (SERVER | 0xC0, 0)
        head = struct.pack("!BB22x", first, stratum)
        assert self.transport
        self.transport.sendto(head + data[40:48] + stamp + stamp, addr)


@asynccontextmanager
async def ntp() -> AsyncIterator[Bench]:
    server = TimeServer()
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: server, local_addr=("127.0.0.1", 0))
    port = transport.get_extra_info("sockname")[1]
    bench = Bench(NtpTime(f"127.0.0.1:{port}", SystemClock()))
    server.bench.append(bench)
    yield bench
    transport.close()


ADAPTERS: dict[str, Callable[[], AbstractAsyncContextManager[Bench]]] = {"ntp": ntp}
