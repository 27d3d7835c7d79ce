"""Which network addresses may be contacted, and the one spelling in which a URL is kept.

The guard is asked at connect time, about the very address that is connected to: see `pulse.probe`.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from urllib.parse import quote, unquote, urlsplit

import idna

LONGEST_URL = 2048

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# The IANA special-purpose registries, multicast and reserved space, and what clouds keep for themselves. Written out, because what
# `ipaddress` calls global differs between versions of Python and is wrong for about a dozen of these.
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


class InvalidUrl(ValueError):
    """A URL that cannot be monitored; its text tells the person why."""


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


def monitorable_url(text: str, guard: AddressGuard) -> str:
    """Return the URL to store for what a person entered: the one rule of a monitor's URL, for forms and API alike.

    Raises `InvalidUrl`, also where the host is an address that may not be contacted.
    """
    url = normalise_url(text)
    if not guard.permits_host_of(url):
        raise InvalidUrl("This address is private or reserved. Only public addresses can be monitored.")
    return url


_URL = re.compile(r"(https?)://([^/?#]*)([^?#]*)(\?[^#]*)?(?:#.*)?", re.IGNORECASE | re.DOTALL)
_BAD_CHARACTER = re.compile(r"[\s\\\x00-\x20\x7f-\xa0\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_DEFAULT_PORTS = {"http": "80", "https": "443"}
# What may stand in a path or query as it is; all else becomes its percent-encoding.
_KEPT = "!$&'()*+,-./:;=?@_~%[]|"


def normalise_url(text: str) -> str:
    """Return `text` as the one ASCII URL that is stored and requested; raises `InvalidUrl` with a sentence for people.

    The host is lower case and in IDNA's ASCII form, or the plain spelling of the address it stands for; no fragment, no default port.
    """
    text = text.strip(" \t\r\n")
    if _BAD_CHARACTER.search(text):
        raise InvalidUrl("Remove spaces, backslashes and invisible characters from the URL.")
    match = _URL.fullmatch(text)
    if match is None:
        raise InvalidUrl("Enter a full URL that begins with http:// or https://.")
    scheme, authority, path, query = (
        match[1].lower(),
        match[2],
        match[3] or "/",
        match[4] or "",
    )
    url = f"{scheme}://{_authority(authority, scheme)}{quote(path, safe=_KEPT)}{quote(query, safe=_KEPT)}"
    if len(url) > LONGEST_URL:
        raise InvalidUrl(f"Use at most {LONGEST_URL:,} characters; this URL has {len(url):,}.")
    return url


def is_literal(host: str) -> bool:
    """Return whether `host` (without brackets) is an address rather than a name."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _authority(authority: str, scheme: str) -> str:
    if "@" in authority:
        raise InvalidUrl("Remove the user name and password from the URL; use Authentication instead.")
    host, _, port = authority.rpartition(":") if re.search(r":[^\]]*$", authority) else (authority, "", "")
    if port and not (re.fullmatch(r"[0-9]{1,5}", port) and 1 <= int(port) <= 65535):
        raise InvalidUrl("The port must be a number from 1 to 65535.")
    port = str(int(port)) if port else ""
    return _host(host) + (f":{port}" if port and port != _DEFAULT_PORTS[scheme] else "")


def _host(host: str) -> str:
    if host.startswith("[") and host.endswith("]"):
        return _ipv6(host[1:-1])
    name = _mapped(host).rstrip(".") if not host.endswith("..") else ""
    if _is_numeric(name.rpartition(".")[2]):
        return _ipv4(name)
    if not name or len(name) > 253 or not all(_LABEL.fullmatch(label) for label in name.split(".")):
        raise InvalidUrl("The host name in this URL is not valid.")
    return name


def _mapped(host: str) -> str:
    """Return the host as resolvers see it: look-alike digits and dots made plain, other scripts in their ASCII form."""
    try:
        plain = idna.uts46_remap(unquote(host, errors="strict"), std3_rules=False, transitional=False)
        return plain if plain.isascii() else idna.encode(plain, uts46=True).decode("ascii")
    except (UnicodeError, ValueError):
        raise InvalidUrl("The host name in this URL is not valid.") from None


def _ipv6(text: str) -> str:
    try:
        address = IPv6Address(text)
    except ValueError:
        raise InvalidUrl("The IPv6 address in this URL is not valid.") from None
    if address.scope_id is not None:
        raise InvalidUrl("Remove the zone from the IPv6 address in this URL.")
    return f"[{address.compressed}]"


def _is_numeric(label: str) -> bool:
    return re.fullmatch(r"[0-9]+|0x[0-9a-f]*", label) is not None


def _ipv4(text: str) -> str:
    """Return the dotted form of an IPv4 address in any spelling that `inet_aton` takes: 127.1, 0x7f.1, 0177.0.0.1, 2130706433."""
    try:
        *parts, last = [_number(part) for part in text.split(".")]
        if len(parts) > 3 or any(part > 255 for part in parts) or last >= 256 ** (4 - len(parts)):
            raise ValueError(text)
        return str(IPv4Address(sum(part << (24 - 8 * place) for place, part in enumerate(parts)) + last))
    except ValueError:
        raise InvalidUrl("The IPv4 address in this URL is not valid.") from None


def _number(part: str) -> int:
    if len(part) > 40:
        raise ValueError(part)
    if re.fullmatch(r"0x[0-9a-f]*", part):
        return int(part[2:] or "0", 16)
    if not re.fullmatch(r"[0-9]+", part):
        raise ValueError(part)
    return int(part, 8) if part.startswith("0") else int(part)


def _spans(networks: Iterable[Network]) -> list[tuple[int, int]]:
    """Return the first and last number of each of `networks`, all of one version, sorted and merged where they overlap."""
    spans: list[tuple[int, int]] = []
    for first, last in sorted((int(each.network_address), int(each.broadcast_address)) for each in networks):
        if spans and first <= spans[-1][1]:
            first, last = spans[-1][0], max(last, spans.pop()[1])
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
