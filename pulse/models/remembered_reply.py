"""Replies kept for a day, so that a request that is sent again is answered and not done again."""

from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy import JSON, ForeignKey, LargeBinary, delete, select, update
from sqlalchemy.orm import Mapped, mapped_column

from pulse.clock import utcnow
from pulse.db import Base, DbSession, UTCDateTime, insert_into
from pulse.models.refusals import Conflict

KEPT = timedelta(hours=24)
GIVEN_UP = timedelta(minutes=2)
"""A request that has not been answered after so long never will be: its process has died."""


class RememberedReply(Base):
    """What was answered to one request of an API key, by the name that the client gave the request."""

    __tablename__ = "remembered_replies"

    key_id: Mapped[int] = mapped_column(ForeignKey("api_keys.id", ondelete="CASCADE"), primary_key=True)
    name_digest: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    request_digest: Mapped[bytes] = mapped_column(LargeBinary(32))
    """Of method, path, query and body: the same name for another request is a mistake of the client's."""
    claimed_at: Mapped[datetime] = mapped_column(UTCDateTime, index=True)
    status: Mapped[int | None]
    """None while the first request is still being answered."""
    headers: Mapped[dict[str, str] | None] = mapped_column(JSON)
    body_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    """Encrypted: a reply may hold what only its caller is to see."""

    @classmethod
    def claim(cls, session: DbSession, key_id: int, name: str, asked: bytes) -> "RememberedReply | None":
        """Take the name for the request whose digest is `asked`; return the reply where it was answered already.

        It is part of the transaction of what is then done: both are kept or neither, and a parallel repeat waits for it.
        Raises `Conflict` when the name stands for another request, or for one that is still being answered.
        """
        now, digest = utcnow(), sha256(name.encode()).digest()
        fresh = {"request_digest": asked, "claimed_at": now, "status": None, "headers": None, "body_sealed": None}
        over = (cls.claimed_at <= now - KEPT) | (cls.status.is_(None) & (cls.claimed_at <= now - GIVEN_UP))
        taken = (
            insert_into(session, cls)
            .values(key_id=key_id, name_digest=digest, **fresh)
            .on_conflict_do_update(index_elements=[cls.key_id, cls.name_digest], set_=fresh, where=over)
        )
        if session.execute(taken.returning(cls.key_id)).first() is not None:
            return None
        mine = select(cls).where(cls.key_id == key_id, cls.name_digest == digest)
        kept = session.scalar(mine.execution_options(populate_existing=True))
        if kept is None or kept.request_digest != asked:
            raise Conflict("This Idempotency-Key was used for a different request. Use a new one for each request.")
        if kept.status is None:
            raise Conflict("The first request with this Idempotency-Key is still being answered. Try again shortly.")
        return kept

    @classmethod
    def keep(cls, session: DbSession, key_id: int, name: str, **reply: Any) -> None:
        """Note what the request was answered: status, headers, sealed body."""
        mine = (cls.key_id == key_id, cls.name_digest == sha256(name.encode()).digest())
        session.execute(update(cls).where(*mine).values(reply))

    @classmethod
    def release(cls, session: DbSession, key_id: int, name: str) -> None:
        """Give the name back after a request that came to nothing."""
        mine = (cls.key_id == key_id, cls.name_digest == sha256(name.encode()).digest(), cls.status.is_(None))
        session.execute(delete(cls).where(*mine))

    @classmethod
    def sweep(cls, session: DbSession) -> None:
        """Remove what is older than a day."""
        session.execute(delete(cls).where(cls.claimed_at <= utcnow() - KEPT))
