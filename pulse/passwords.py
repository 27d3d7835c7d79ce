"""Passwords: hashing, checking, and what one may be."""

from base64 import b64encode
from hashlib import sha256
from pathlib import Path
from threading import BoundedSemaphore

import bcrypt

SHORTEST, LONGEST = 8, 1024
LONGEST_REPEATED = 16
"""One character up to so many times is as common as any word."""
COMMON = frozenset((Path(__file__).parent / "common_passwords.txt").read_text("ascii").split())
"""The most common ones that are long enough, case-folded."""
COST = 12
"""bcrypt's work factor: about a quarter of a second on one core."""

# bcrypt holds a core for a quarter second; more of them at once would only starve the other requests.
_at_once = BoundedSemaphore(2)


class Passwords:
    """Hashes and checks passwords at one cost.

    bcrypt reads 72 bytes and stops at NUL, so it is given `base64(sha256(password))`: every character counts.
    """

    def __init__(self, cost: int = COST) -> None:
        self._cost = cost
        # Checked for addresses nobody has, so that an answer takes as long for them as for others. It need be no password's:
        # computing one would keep each process from answering for a quarter second.
        self._nobody = f"$2b${cost:02}${'.' * 53}".encode("ascii")

    def hash(self, password: str) -> str:
        """Return the text to store for `password`."""
        with _at_once:
            return bcrypt.hashpw(_prepared(password), bcrypt.gensalt(self._cost)).decode("ascii")

    def matches(self, password: str, stored: str | None) -> bool:
        """Tell whether `password` is the stored one; `None`, for nobody's, takes as long and is never right."""
        with _at_once:
            right = bcrypt.checkpw(_prepared(password), stored.encode("ascii") if stored else self._nobody)
        return right and stored is not None


def _prepared(password: str) -> bytes:
    return b64encode(sha256(password.encode("utf-8", "surrogatepass")).digest())


def fault(password: str) -> str | None:
    """Return what is wrong with a new password, as a sentence for the person who chose it, or `None`."""
    if len(password) < SHORTEST:
        return f"Use at least {SHORTEST} characters."
    if len(password) > LONGEST:
        return f"Use at most {LONGEST:,} characters."
    if password.casefold() in COMMON or (len(set(password)) == 1 and len(password) <= LONGEST_REPEATED):
        return "This is one of the most common passwords. Choose another."
    return None
