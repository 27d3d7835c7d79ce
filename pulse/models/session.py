"""Browser sessions: rows on the server, so that ending one ends it for a copied cookie too."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import ForeignKey, LargeBinary, delete, select
from sqlalchemy.orm import Mapped, joinedload, mapped_column, relationship

from pulse.clock import utcnow
from pulse.db import NEVER_REUSED, Base, BigId, DbSession, UTCDateTime
from pulse.models import secret_text
from pulse.models.event import Actor
from pulse.models.user import User
from pulse.tokens import hidden

IDLE = timedelta(days=14)
"""A session unused for this long has ended."""
LONGEST = timedelta(days=90)
"""A session ends after this long in any case."""
FRESH = timedelta(minutes=15)
"""How long after a password was typed it need not be typed again for what is behind it."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A new session and the text that goes into the cookie, which is stored nowhere."""

    session: "BrowserSession"
    token: str = field(repr=False)


class BrowserSession(Base):
    """One browser that is signed in."""

    __tablename__ = "sessions"
    __table_args__ = (NEVER_REUSED,)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    last_seen_at: Mapped[datetime] = mapped_column(UTCDateTime)
    authenticated_at: Mapped[datetime] = mapped_column(UTCDateTime)
    """When the password was last typed in this session."""
    team_id: Mapped[int | None]
    """The team that is looked at. No foreign key: one that is gone, or was left, is simply not among the person's."""
    address: Mapped[str | None]
    user_agent: Mapped[str | None]

    user: Mapped[User] = relationship(back_populates="sessions")

    @classmethod
    def open(cls, session: DbSession, user: User, by: Actor, team_id: int | None = None) -> Opened:
        """Make a session for `user`, always a new one."""
        token, now = secret_text.mint(), utcnow()
        opened = cls(
            user=user,
            digest=secret_text.digest(token),
            created_at=now,
            last_seen_at=now,
            authenticated_at=now,
            team_id=team_id,
            address=by.address,
            user_agent=hidden(by.user_agent)[:300] if by.user_agent else None,
        )
        session.add(opened)
        session.flush()
        return Opened(opened, token)

    @classmethod
    def find(cls, session: DbSession, token: str) -> "BrowserSession | None":
        """Return the live session behind a cookie's text, with its user."""
        query = select(cls).where(cls.digest == secret_text.digest(token)).options(joinedload(cls.user))
        found = session.scalar(query)
        return found if found and found.is_live else None

    @classmethod
    def of_user(cls, session: DbSession, user_id: int) -> list["BrowserSession"]:
        """Return a user's live sessions, the one used last first."""
        query = select(cls).where(cls.user_id == user_id).order_by(cls.last_seen_at.desc(), cls.id.desc())
        return [each for each in session.scalars(query) if each.is_live]

    @classmethod
    def end_all(cls, session: DbSession, user_id: int, *, but: int | None = None) -> int:
        """End a user's sessions, except the one with the id `but`; return how many."""
        ended = delete(cls).where(cls.user_id == user_id)
        ended = ended if but is None else ended.where(cls.id != but)
        return len(session.execute(ended.returning(cls.id)).all())

    @classmethod
    def sweep(cls, session: DbSession) -> int:
        """Remove the rows of sessions that have run out; return how many."""
        now = utcnow()
        ended = delete(cls).where((cls.last_seen_at < now - IDLE) | (cls.created_at < now - LONGEST))
        return len(session.execute(ended.returning(cls.id)).all())

    @property
    def is_live(self) -> bool:
        """Whether it has not run out."""
        now = utcnow()
        return self.last_seen_at > now - IDLE and self.created_at > now - LONGEST

    @property
    def is_fresh(self) -> bool:
        """Whether the password was typed lately enough for what asks for it."""
        return self.authenticated_at > utcnow() - FRESH

    @classmethod
    def end_of(cls, session: DbSession, token: str) -> None:
        """End the session behind a cookie's text; doing it twice is harmless."""
        session.execute(delete(cls).where(cls.digest == secret_text.digest(token)))

    @classmethod
    def end_one(cls, session: DbSession, user_id: int, session_id: int) -> bool:
        """End one of a user's sessions; tell whether there was one."""
        ended = delete(cls).where(cls.id == session_id, cls.user_id == user_id)
        return session.execute(ended.returning(cls.id)).first() is not None
