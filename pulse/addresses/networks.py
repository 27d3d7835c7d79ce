"""Which addresses are one place."""

from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network


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
