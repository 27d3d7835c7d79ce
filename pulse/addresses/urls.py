"""The one spelling in which a URL is kept."""

import re
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import quote, unquote

import idna

from pulse.addresses.guard import AddressGuard

LONGEST_URL = 2048


class InvalidUrl(ValueError):
    """A URL that cannot be monitored; its text tells the person why."""


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

    The host is lower case and in IDNA's ASCII form, or the plain spelling of the address it stands for; there is no fragment
    and no default port.
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
    name = ascii_host(host).rstrip(".") if not host.endswith("..") else ""
    if _is_numeric(name.rpartition(".")[2]):
        return _ipv4(name)
    if not name or len(name) > 253 or not all(_LABEL.fullmatch(label) for label in name.split(".")):
        raise InvalidUrl("The host name in this URL is not valid.")
    return name


def ascii_host(host: str) -> str:
    """Return the host as resolvers see it: look-alike digits and dots made plain, other scripts in their ASCII form.

    Raises `InvalidUrl` where it has none.
    """
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
