"""Where browsers find us, as people type it."""

import asyncio
from collections.abc import Sequence
from ipaddress import ip_address

from data.errors import Invalid
from services.ports import Ports
from services.settings import ServerSettings, Settings


class Front:
    """Knows the address that the house is reached by from a phone."""

    def __init__(self, ports: Ports, settings: Settings) -> None:
        self._office = ports.certificates
        self._settings = settings

    async def address(self) -> str:
        """Return it without a slash at its end; empty if there is none. A demo that is closed to
        the network is reached on its own machine."""
        return await asyncio.to_thread(self._address)

    def _address(self) -> str:
        place = self._settings.server
        found = outside(place, self._names())
        if not found and self._settings.demo and place.port:
            found = f"http://localhost:{place.port}"
        return found.rstrip("/")

    def _names(self) -> Sequence[str]:
        try:
            found = self._office.current() if self._office is not None else None
        except Invalid:  # health says so to who can do something about it
            return ()
        return found.names if found is not None else ()


def addresses(place: ServerSettings, names: Sequence[str]) -> tuple[str, ...]:
    """Return every address; `names` are those that our certificate is good for."""
    here = (f"http://localhost:{place.port}",) if place.port else ()
    from_outside = outside(place, names)
    return (*here, from_outside) if from_outside else here


def outside(place: ServerSettings, names: Sequence[str]) -> str:
    """Return the address for other machines; empty if there is none."""
    if place.public_url:
        return place.public_url
    return f"https://{_typed(network_name(names))}:{place.tls_port}" if place.tls_port else ""


def network_name(names: Sequence[str]) -> str:
    """Return the name that other machines reach us by: an IPv4 address of ours if we have one."""
    found = [ip_address(name) for name in names if _is_address(name)]
    useful = [each for each in found if not each.is_loopback]
    if useful:
        return str(min(useful, key=lambda each: each.version))
    return next((name for name in names if name != "localhost"), "localhost")


def _typed(name: str) -> str:
    return f"[{name}]" if ":" in name else name


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
