"""Seals what monitors must send but nobody may read again: header values, bodies, credentials."""

import base64

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


class Unreadable(Exception):
    """What was sealed cannot be opened: the secret it was sealed under is not among those given."""


class Vault:
    """Seals text under a key derived from the service's secret, and opens it again.

    Sealed under the first secret, opened under any: to change the secret, keep the old one as a former one until
    everything has been sealed anew.
    """

    def __init__(self, secret: str, *former: str) -> None:
        self._fernet = MultiFernet([Fernet(_derived(each)) for each in (secret, *former)])

    def seal(self, text: str) -> bytes:
        """Return `text` encrypted and authenticated."""
        return self._fernet.encrypt(text.encode("utf-8"))

    def open(self, sealed: bytes) -> str:
        """Return the text that was sealed; raises `Unreadable`."""
        try:
            return self._fernet.decrypt(sealed).decode("utf-8")
        except InvalidToken as error:
            raise Unreadable from error


def _derived(secret: str) -> bytes:
    key = HKDF(SHA256(), length=32, salt=None, info=b"pulse: monitor credentials")
    return base64.urlsafe_b64encode(key.derive(secret.encode("utf-8")))
