"""Uses of keys, recorded as the hook's writer does."""

from datetime import datetime

from pulse.clock import utcnow
from pulse.extensions import db
from pulse.models.key_counting import Tally, Use, record, stamp

CURL = "curl/8.5.0"


def use(
    token_id: int,
    operation: str = "GET /monitors",
    ability: str = "monitors:read",
    *,
    at: datetime | None = None,
    status: int = 200,
    code: str = "",
    address: str = "203.0.113.7",
    agent: str = CURL,
) -> Use:
    """Return one use of a token; a former one's where the code says so."""
    live = code not in ("token_rotated", "token_deleted")
    return Use(token_id, at or utcnow(), operation, ability, status, code, address, agent, live)


def recorded(*uses: Use) -> None:
    """Write uses down."""
    tally = Tally()
    for each in uses:
        tally.add(each)
    record(db.session, tally)
    stamp(db.session, tally)
    db.session.commit()
