"""Long texts without a secret, sent compressed to whoever can read that."""

import gzip
from functools import lru_cache

from flask import Response, request

KEPT = 16
"""How many texts are kept compressed: the document, and the pages that are looked for most."""


def compressed(plain: bytes, content_type: str) -> Response:
    """Return the reply with a text. What holds a secret is not to be compressed: its length would tell of it."""
    smaller = request.accept_encodings.quality("gzip") > 0
    response = Response(_squeezed(plain) if smaller else plain, content_type=content_type)
    response.headers["Vary"] = "Accept-Encoding"
    if smaller:
        response.headers["Content-Encoding"] = "gzip"
    return response


@lru_cache(maxsize=KEPT)
def _squeezed(plain: bytes) -> bytes:
    return gzip.compress(plain, 6, mtime=0)
