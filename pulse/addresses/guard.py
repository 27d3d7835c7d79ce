"""Which network addresses may be contacted."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# The IANA special-purpose registries, multicast and reserved space, and what clouds keep for themselves. Written out, because
# what `ipaddress` calls global differs between versions of Python and is wrong for about a dozen of these.
FORBIDDEN_V4 = (
    "0.0.0.0/8",  # this network
    "10.0.0.0/8",  # private
    "100.64.0.0/10",  # carrier-grade NAT
    "100.100.100.200/32",  # metadata of a cloud, inside the line above
    "127.0.0.0/8",  # loopback
    "168.63.129.16/32",  # a cloud's agent, on an address that looks public
    "169.254.0.0/16",  # link-local, and metadata of most clouds
    "172.16.0.0/12",  # private
    "192.0.0.0/24",  # protocol assignments
    "192.0.2.0/24",  # documentation
    "192.31.196.0/24",  # AS112
    "192.52.193.0/24",  # AMT
    "192.88.99.0/24",  # 6to4 relays
    "192.168.0.0/16",  # private
    "192.175.48.0/24",  # AS112
    "198.18.0.0/15",  # benchmarks
    "198.51.100.0/24",  # documentation
    "203.0.113.0/24",  # documentation
    "224.0.0.0/4",  # multicast
    "240.0.0.0/4",  # reserved, and broadcast
)
FORBIDDEN_V6 = (
    # Only 2000::/3 is given out as global unicast. Before it: unspecified, loopback, v4-compatible (::/96), v4-mapped
    # (::ffff:0:0/96), v4-translated, NAT64 (64:ff9b::/96, 64:ff9b:1::/48), discard-only (100::/64).
    "::/3",
    "2001::/23",  # protocol assignments: Teredo, benchmarks, AMT, AS112, ORCHID, DRIP
    "2001:db8::/32",  # documentation
    "2002::/16",  # 6to4
    "2620:4f:8000::/48",  # AS112
    "3ffe::/16",  # the former 6bone
    "3fff::/20",  # documentation
    # After it: SRv6 (5f00::/16), unique local (fc00::/7), link-local (fe80::/10), site-local (fec0::/10), multicast (ff00::/8).
    "4000::/2",
    "8000::/1",
)

_NAT64 = (ip_network("64:ff9b::/96"), ip_network("64:ff9b:1::/48"))
_COMPATIBLE = ip_network("::/96")


class _Ranges:
    """Whether a number lies in one of many networks, by one bisection."""

    def __init__(self, networks: Iterable[Network]) -> None:
        spans = _spans(networks)
        self._starts = [first for first, _ in spans]
        self._ends = [last for _, last in spans]

    def __contains__(self, number: int) -> bool:
        place = bisect_right(self._starts, number) - 1
        return place >= 0 and number <= self._ends[place]


class AddressGuard:
    """Judges addresses: the public ones may be contacted, and those in `allowed`, the networks an operator opened."""

    def __init__(self, allowed: Sequence[Network] = ()) -> None:
        self._forbidden = {
            4: _Ranges(map(ip_network, FORBIDDEN_V4)),
            6: _Ranges(map(ip_network, FORBIDDEN_V6)),
        }
        self._allowed = {version: _Ranges(each for each in allowed if each.version == version) for version in (4, 6)}
        # A pure function of its text, asked once a connection and mostly about the same targets.
        self._verdict = lru_cache(maxsize=4096)(self._judge)

    def permits(self, address: str | Address) -> bool:
        """Return whether `address` may be connected to; text that is no address may not.

        An address that carries another (v4-mapped, v4-compatible, 6to4, Teredo, NAT64) needs both permitted.
        """
        return self._verdict(str(address))

    def permits_host_of(self, url: str) -> bool:
        """Return False where the host of a normalised `url` is itself a forbidden address (or `localhost`).

        True for every other name: what names stand for is judged when a connection is made.
        """
        host = (urlsplit(url).hostname or "").rstrip(".")
        if host == "localhost" or host.endswith(".localhost"):
            return self.permits("127.0.0.1") or self.permits("::1")
        return not is_literal(host) or self.permits(host)

    def _judge(self, text: str) -> bool:
        try:
            address = ip_address(text)
        except ValueError:
            return False
        return all(self._is_open(each) for each in (address, *_carried_by(address)))

    def _is_open(self, address: Address) -> bool:
        number = int(address)
        return number in self._allowed[address.version] or number not in self._forbidden[address.version]


def is_literal(host: str) -> bool:
    """Return whether `host` (without brackets) is an address rather than a name."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _spans(networks: Iterable[Network]) -> list[tuple[int, int]]:
    """Return the first and last number of each of `networks`, all of one version, sorted and merged where they overlap."""
    spans: list[tuple[int, int]] = []
    for first, last in sorted((int(each.network_address), int(each.broadcast_address)) for each in networks):
        if spans and first <= spans[-1][1]:
            earlier = spans.pop()
            spans.append((earlier[0], max(last, earlier[1])))
        else:
            spans.append((first, last))
    return spans


def _carried_by(address: Address) -> Iterator[Address]:
    """Yield the IPv4 addresses inside an IPv6 address that leads to them."""
    if isinstance(address, IPv4Address):
        return
    if address.ipv4_mapped is not None:
        yield address.ipv4_mapped
    if address.sixtofour is not None:
        yield address.sixtofour
    if address.teredo is not None:
        yield from address.teredo
    if (address in _COMPATIBLE and int(address) > 1) or any(address in each for each in _NAT64):
        yield IPv4Address(int(address) & 0xFFFFFFFF)
