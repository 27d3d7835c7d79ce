"""Ids of requests that tell support, and nobody else, who asked.

An id is one AES block under a key of the service: the kind and number of who asked, the second, and some chance.
To everyone without that key it is 128 random bits, so it can be shown, logged and mailed about; and nothing has to be
stored for support to find the account behind one that a user reads out.
"""

import re
import secrets
import struct
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum
from itertools import count

from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from pulse.clock import second

PATTERN = re.compile(r"[0-9a-f]{32}\Z", re.ASCII)
_LAYOUT = struct.Struct(">B6sI5s")  # mark and kind, number of who asked, second, chance
_MARK = 0xA0
_MOST = 2**40 - 1


class Kind(IntEnum):
    """Who can have asked."""

    NOBODY = 0
    USER = 1
    TOKEN = 2


@dataclass(frozen=True, slots=True)
class Asked:
    """What an id tells: who asked (a user's or a token's id, 0 for nobody), and in which second."""

    kind: Kind
    number: int
    at: datetime


class RequestIds:
    """Issues and reads ids of requests under a key derived from the service's secret."""

    def __init__(self, secret: str, *former: str) -> None:
        self._keys = [_derived(each) for each in (secret, *former)]
        self._kept = threading.local()

    def issue(self, kind: Kind = Kind.NOBODY, number: int = 0) -> str:
        """Return a new id, 32 hexadecimal digits."""
        encrypt, numbers = self._thread()
        chance = (next(numbers) & _MOST).to_bytes(5, "big")
        return encrypt.update(_LAYOUT.pack(_MARK | kind, number.to_bytes(6, "big"), second(), chance)).hex()

    def read(self, text: str) -> Asked | None:
        """Return who asked, or `None` when `text` is no id of this service."""
        if not PATTERN.match(text):
            return None
        found = (_unpacked(key, bytes.fromhex(text)) for key in self._keys)
        return next((asked for asked in found if asked), None)

    def _thread(self) -> "tuple[CipherContext, count[int]]":
        """Return this thread's encryptor, and numbers from a start by chance upwards: the cipher hides that they are in order."""
        # Setting an encryptor up costs more than a block, and a block needs no state but the key.
        kept: tuple[CipherContext, count[int]] | None = getattr(self._kept, "both", None)
        if kept is None:
            encryptor = Cipher(AES(self._keys[0]), ECB()).encryptor()  # noqa: S305 - one block, never two
            kept = self._kept.both = encryptor, count(secrets.randbits(40))
        return kept


def _unpacked(key: bytes, block: bytes) -> Asked | None:
    plain = Cipher(AES(key), ECB()).decryptor().update(block)  # noqa: S305 - one block, never two
    mark, number, second, _ = _LAYOUT.unpack(plain)
    if mark ^ _MARK not in tuple(Kind):
        return None
    return Asked(Kind(mark ^ _MARK), int.from_bytes(number, "big"), datetime.fromtimestamp(second, UTC))


def _derived(secret: str) -> bytes:
    return HKDF(SHA256(), length=16, salt=None, info=b"pulse: request ids").derive(secret.encode("utf-8"))
