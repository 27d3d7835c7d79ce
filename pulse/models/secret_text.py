"""Secret text that a browser or a mailed link carries; what is stored of it is its digest."""

import secrets
from hashlib import sha256


def mint() -> str:
    """Return a new text: 256 random bits."""
    return secrets.token_urlsafe(32)


def digest(text: str) -> bytes:
    """Return the 32 bytes stored in its place, of whatever text is sent as one."""
    return sha256(text.encode("utf-8", "surrogatepass")).digest()
