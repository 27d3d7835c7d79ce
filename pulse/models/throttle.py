"""Counts of attempts, shared by every process because they are rows."""

from datetime import datetime, timedelta
from hashlib import sha256
from math import ceil

from limits import RateLimitItem
from sqlalchemy import LargeBinary, delete, update
from sqlalchemy.orm import Mapped, mapped_column

from pulse.clock import utcnow
from pulse.db import Base, DbSession, UTCDateTime, insert_into


class Throttle(Base):
    """How often something was tried within one window. What was tried is stored as a digest alone."""

    __tablename__ = "throttles"

    subject: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    started_at: Mapped[datetime] = mapped_column(UTCDateTime, primary_key=True)
    ends_at: Mapped[datetime] = mapped_column(UTCDateTime, index=True)
    attempts: Mapped[int]

    @classmethod
    def hit(cls, session: DbSession, limit: RateLimitItem, *subject: str) -> int:
        """Count one more try of `subject`; return 0 when it is within `limit`, else the seconds to wait.

        Commit at once, before the work that is limited: a count that is rolled back with it limits nothing.
        """
        start, end = _window(limit)
        row = insert_into(session, cls).values(subject=_digest(limit, subject), started_at=start, ends_at=end, attempts=1)
        counted = row.on_conflict_do_update(
            index_elements=[cls.subject, cls.started_at], set_={"attempts": cls.attempts + 1}
        ).returning(cls.attempts)
        attempts = session.execute(counted).scalar_one()
        return 0 if attempts <= limit.amount else max(1, ceil((end - utcnow()).total_seconds()))

    @classmethod
    def take_back(cls, session: DbSession, limit: RateLimitItem, *subject: str) -> None:
        """Uncount one try of `subject`, which turned out not to be of the kind that is limited."""
        start, _ = _window(limit)
        mine = (cls.subject == _digest(limit, subject), cls.started_at == start, cls.attempts > 0)
        session.execute(update(cls).where(*mine).values(attempts=cls.attempts - 1))

    @classmethod
    def forget(cls, session: DbSession, limit: RateLimitItem, *subject: str) -> None:
        """Forget the tries of `subject`, as after a success."""
        session.execute(delete(cls).where(cls.subject == _digest(limit, subject)))

    @classmethod
    def sweep(cls, session: DbSession) -> None:
        """Remove the counts of windows that are over."""
        session.execute(delete(cls).where(cls.ends_at < utcnow()))


def _window(limit: RateLimitItem) -> tuple[datetime, datetime]:
    length = limit.get_expiry()
    now = utcnow()
    start = datetime.fromtimestamp(int(now.timestamp()) // length * length, now.tzinfo)
    return start, start + timedelta(seconds=length)


def _digest(limit: RateLimitItem, subject: tuple[str, ...]) -> bytes:
    text = "\0".join((str(limit), *subject))
    return sha256(text.encode("utf-8", "surrogatepass")).digest()
