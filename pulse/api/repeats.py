"""`Idempotency-Key`: a POST that is sent again is answered as the first time, and done once."""

import re
from collections.abc import Callable
from hashlib import sha256

from flask import Response, request

from pulse.extensions import db, services
from pulse.models.refusals import Conflict
from pulse.models.remembered_reply import RememberedReply
from pulse.problems import fault, validation_failed
from pulse.tracing import trace
from pulse.vault import Unreadable

HEADER = "Idempotency-Key"
NAME = re.compile(r"[\x20-\x7e]{1,128}\Z", re.ASCII)
NOTHING = re.compile(rb"\s*(?:\{\s*\})?\s*", re.ASCII)
"""No body, or an empty one: the same to what takes none."""
KEPT_HEADERS = ("Content-Type", "Location")


def once(make: Callable[[], Response]) -> Response:
    """Return what `make` answers, or what it answered the first time; refusals are not kept, for nothing was done.

    The caller commits: what was done and the memory of it in one transaction.
    """
    name, key_id = _name(), trace().caller.key_id
    kept = RememberedReply.claim(db.session, key_id, name, _asked())
    if kept is not None:
        return _again(kept)
    try:
        response = make()
    except Exception:
        # What was claimed may have been committed on the way, as before a probe: nobody may wait for its reply.
        db.session.rollback()
        RememberedReply.release(db.session, key_id, name)
        db.session.commit()
        raise
    headers = {each: response.headers[each] for each in KEPT_HEADERS if each in response.headers}
    sealed = services().vault.seal(response.get_data(as_text=True))
    RememberedReply.keep(db.session, key_id, name, status=response.status_code, headers=headers, body_sealed=sealed)
    return response


def _name() -> str:
    name = request.headers[HEADER]
    if not NAME.match(name):
        raise validation_failed(fault(HEADER, "Use 1 to 128 printable ASCII characters."))
    return name


def _asked() -> bytes:
    """Return the digest of what is asked for: the same for a repeat, another for anything else."""
    path = request.path.encode("utf-8", "surrogatepass")
    body = request.get_data(cache=True)
    parts = (request.method.encode(), path, request.query_string, b"" if NOTHING.fullmatch(body) else body)
    return sha256(b"\0".join(sha256(part).digest() for part in parts)).digest()


def _again(kept: RememberedReply) -> Response:
    try:
        body = services().vault.open(kept.body_sealed or b"")
    except Unreadable as error:
        raise Conflict("The stored reply for this Idempotency-Key cannot be read: the service's secret was changed.") from error
    return Response(body, kept.status, headers=kept.headers)
