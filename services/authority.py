"""What a phone must install once so that it trusts the house: its authority's certificate.

Public by its nature: it vouches for our private addresses and opens nothing.
"""

import asyncio
from dataclasses import dataclass

from data.errors import Invalid
from services.addresses import outside
from services.ports import Ports, ServerCertificate
from services.settings import Settings

PAGE = "/authority"


@dataclass(frozen=True, slots=True)
class Papers:
    """The certificate, and what people compare and scan."""

    pem: bytes
    fingerprint: str
    """SHA-256, as phones show it: AB:CD:..."""
    address: str
    """Of the page about it, for a phone on the same network; empty if we serve none."""


class Authority:
    """The notice board of the house's own authority."""

    def __init__(self, ports: Ports, settings: Settings) -> None:
        self._office = ports.certificates
        self._settings = settings

    @property
    def is_ours(self) -> bool:
        """Whether people have to install something at all."""
        return self._settings.certificate.source == "lan"

    async def papers(self) -> Papers | None:
        """Return what to install; None if there is nothing to install, or nothing yet."""
        if self._office is None or not self.is_ours:
            return None
        return await asyncio.to_thread(self._read)

    def _read(self) -> Papers | None:
        if self._office is None:
            return None
        try:
            found = self._office.current()
        except Invalid:  # health says so to who can do something about it
            return None
        if found is None or found.authority is None or not found.authority.is_file():
            return None
        return Papers(found.authority.read_bytes(), found.fingerprint, self._address(found))

    def _address(self, found: ServerCertificate) -> str:
        base = outside(self._settings.server, found.names)
        return f"{base.rstrip('/')}{PAGE}" if base else ""
