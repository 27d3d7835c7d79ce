"""Passwords: hashing, checking, and what one may be."""

from base64 import b64encode
from hashlib import sha256
from threading import BoundedSemaphore

import bcrypt

SHORTEST, LONGEST = 8, 1024
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
        # Checked for addresses nobody has, so that an answer takes as long for them as for others.
        self._nobody = bcrypt.hashpw(b"nobody", bcrypt.gensalt(cost))

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
    if password.casefold() in COMMON or len(set(password)) == 1:
        return "This password is among the most common ones. Choose another."
    return None


COMMON = frozenset(
    """
    password password1 password12 password123 password1234 password12345 passw0rd p@ssw0rd p@ssword pa55word
    12345678 123456789 1234567890 0123456789 0987654321 987654321 87654321 9876543210 12341234 123123123 12344321
    11223344 1122334455 123454321 11111111 00000000 88888888 147258369 159357456 123456789a a123456789 1234qwer
    1q2w3e4r 1q2w3e4r5t 1q2w3e4r5t6y 1qaz2wsx 1qaz2wsx3edc 1qazxsw2 zaq12wsx q1w2e3r4 q1w2e3r4t5 qazwsxedc
    qwertyui qwertyuiop qwerty12 qwerty123 qwerty1234 qwerty12345 qwer1234 asdfghjk asdfghjkl asdf1234 zxcvbnm1
    zxcvbnm123 abcd1234 abc12345 abc123456 abcdefgh abcdefg1 aa123456 aaaaaaaa1 a1b2c3d4 iloveyou iloveyou1
    sunshine sunshine1 princess princess1 football football1 baseball baseball1 basketball superman superman1
    batman123 starwars welcome1 welcome123 letmein1 letmein123 dragon123 monkey123 master123 shadow123 michael1
    jennifer jordan23 computer internet samsung1 trustno1 whatever corvette mercedes liverpool chelsea1 charlie1
    administrator admin123 admin1234 admin12345 administrator1 changeme changeme1 changeme123 default1 secret123
    testtest test1234 test12345 testing1 testing123 guest123 user1234 root1234 hello123 hello1234 login123
    pass1234 pass12345 passpass mypassword newpassword google123 facebook linkedin monitoring uptime123 pulse123
    pulsepulse
    """.split()
)
