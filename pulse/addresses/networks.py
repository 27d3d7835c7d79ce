"""Which addresses are one place, and which address a client has."""

import re
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network

UNKNOWN = "unknown"


@lru_cache(maxsize=1000)
def network_of(address: str | None, v4: int = 32, v6: int = 64) -> str:
    """Return the network of an address, by so many bits; empty for all text that is no address.

    A customer has at least one /64 of IPv6 and can ask from any address in it.
    """
    try:
        parsed = ip_address(address or "")
    except ValueError:
        return ""
    found = parsed.ipv4_mapped or parsed if isinstance(parsed, IPv6Address) else parsed
    return str(ip_network((found, v4 if found.version == 4 else v6), strict=False))


_NAMED = re.compile(r"\[([^][]+)\](?::[0-9]+)?|([0-9.]+):[0-9]+")


@lru_cache(maxsize=1000)
def client_address(named: str) -> str:
    """Return the address in what a proxy names a client by: without its port (`192.0.2.1:50`, `[2001:db8::1]:50`) and zone.

    `unknown`, as RFC 7239 has it, where there is none.
    """
    match = _NAMED.fullmatch(named.strip())
    address, _, _ = ((match[1] or match[2]) if match else named.strip()).partition("%")
    try:
        parsed = ip_address(address)
    except ValueError:
        return UNKNOWN
    return str(parsed.ipv4_mapped or parsed if isinstance(parsed, IPv6Address) else parsed)
