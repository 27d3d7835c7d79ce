"""The text of a token: mint it, parse it, digest it. No database, no Flask.

`pulse_` + 40 random base62 characters + 6 of checksum. The checksum is the CRC-32 of all before it, so a mistyped
token is refused without asking the database, and secret scanners can tell a real token from a look-alike.
"""

import re
import secrets
from hashlib import sha256
from zlib import crc32

PREFIX = "pulse_"
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
PAIRS = [high + low for high in ALPHABET for low in ALPHABET]
"""All two-digit numbers of base 62."""
RANDOM_LENGTH = 40
CHECKSUM_LENGTH = 6
SHOWN_LENGTH = 8
HIDDEN = "[hidden]"
LOOSE = re.compile(rf"{PREFIX}[0-9A-Za-z]{{8,}}", re.ASCII)
"""What looks like a token or a good part of one."""
PATTERN = re.compile(r"pulse_[0-9A-Za-z]{46}\Z", re.ASCII)


def mint() -> str:
    """Return a new token: 238 random bits, of which its last eight characters give away no more than 44."""
    body = PREFIX + "".join(secrets.choice(ALPHABET) for _ in range(RANDOM_LENGTH))
    return body + checksum(body)


def checksum(body: str) -> str:
    """Return zlib's CRC-32 of `body` as six base62 digits, big end first, padded with `0`."""
    rest, last = divmod(crc32(body.encode("ascii")), len(PAIRS))
    first, middle = divmod(rest, len(PAIRS))
    return PAIRS[first] + PAIRS[middle] + PAIRS[last]


def is_well_formed(text: str) -> bool:
    """Tell whether `text` could have been minted here: prefix, alphabet, length and checksum."""
    return PATTERN.match(text) is not None and checksum(text[:-CHECKSUM_LENGTH]) == text[-CHECKSUM_LENGTH:]


def digest(token: str) -> bytes:
    """Return the 32 bytes stored in a token's place.

    A plain SHA-256 is right for 238 random bits: there is nothing to guess, so nothing to slow down.
    """
    return sha256(token.encode("ascii")).digest()


def hidden(text: str) -> str:
    """Return `text` without any token in it: for what others send us to be kept, shown or mailed."""
    return LOOSE.sub(HIDDEN, text) if PREFIX in text else text


def last_eight(token: str) -> str:
    """Return the characters by which people recognise a token."""
    return token[-SHOWN_LENGTH:]
