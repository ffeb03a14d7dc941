"""Has uploads looked at by ClamAV's daemon, over its socket (clamd, INSTREAM)."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

from data.errors import Unavailable
from services.ports import ScanVerdict
from services.setting_kinds import host_and_port

SILENCE_SECONDS = 30
LARGEST_CHUNK = 1 << 20


class ClamdScanner:
    """One clamd: a Unix socket (`/run/clamav/clamd.ctl`) or `host:port`."""

    def __init__(self, address: str) -> None:
        self._address = address

    async def scan(self, chunks: AsyncIterator[bytes]) -> ScanVerdict:
        """Send everything, read the verdict; raise `Unavailable` if there is none."""
        try:
            reader, writer = await asyncio.wait_for(self._connect(), SILENCE_SECONDS)
        except (OSError, TimeoutError):
            raise Unavailable("scanner_silent") from None
        try:
            await self._send(writer, chunks)
            answer = await asyncio.wait_for(reader.readuntil(b"\0"), SILENCE_SECONDS)
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            raise Unavailable("scanner_silent") from None
        finally:
            writer.close()
        return verdict(answer)

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if not self._address.startswith("/"):
            return await asyncio.open_connection(*host_and_port(self._address))
        return await asyncio.open_unix_connection(str(Path(self._address)))

    async def _send(self, writer: asyncio.StreamWriter, chunks: AsyncIterator[bytes]) -> None:
        writer.write(b"zINSTREAM\0")
        async for chunk in chunks:
            for start in range(0, len(chunk), LARGEST_CHUNK):
                piece = chunk[start : start + LARGEST_CHUNK]
                writer.write(len(piece).to_bytes(4, "big") + piece)
                await asyncio.wait_for(writer.drain(), SILENCE_SECONDS)
        writer.write(bytes(4))
        await asyncio.wait_for(writer.drain(), SILENCE_SECONDS)


def verdict(answer: bytes) -> ScanVerdict:
    """Read clamd's answer: `stream: OK`, `stream: <name> FOUND`, or a complaint."""
    words = answer.rstrip(b"\0\n").decode("utf-8", "replace")
    if words.endswith(" FOUND"):
        return ScanVerdict.INFECTED
    if words == "stream: OK":
        return ScanVerdict.CLEAN
    raise Unavailable("scanner_refused")  # too large for it, or out of order: not looked at
