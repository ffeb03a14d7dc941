"""Which addresses are counted as one sender."""

import ipaddress


def neighbourhood(address: str) -> str:
    """Return what is counted as one sender: an IPv4 address, or a /64 network of IPv6.

    One household or phone owns a whole /64, so counting single addresses would count nothing.
    """
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return address
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(parsed), 64), strict=False))
