"""Where browsers find us, as people type it."""

from collections.abc import Sequence
from ipaddress import ip_address

from services.settings import ServerSettings


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
