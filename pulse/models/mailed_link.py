"""Links sent by mail that prove an address: single use, short-lived, stored as a digest."""

from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import ForeignKey, LargeBinary, delete, select, update
from sqlalchemy.orm import Mapped, joinedload, mapped_column, relationship

from pulse.clock import utcnow
from pulse.db import NEVER_REUSED, Base, BigId, DbSession, UTCDateTime
from pulse.models import secret_text
from pulse.models.user import User

LIFE = timedelta(minutes=60)


class Purpose(StrEnum):
    """What following the link does."""

    RESET_PASSWORD = "reset_password"  # noqa: S105 - a word, not a password
    VERIFY_EMAIL = "verify_email"


class MailedLink(Base):
    """One link. A newer one of the same purpose replaces it."""

    __tablename__ = "mailed_links"
    __table_args__ = (NEVER_REUSED,)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    purpose: Mapped[str]
    digest: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    email: Mapped[str]
    """The address it was sent to, which following it proves."""
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    used_at: Mapped[datetime | None] = mapped_column(UTCDateTime)

    user: Mapped[User] = relationship()

    @classmethod
    def issue(cls, session: DbSession, user: User, purpose: Purpose, email: str) -> str:
        """Make a link for `user` and return the text that goes into its URL; earlier ones stop working."""
        cls.cancel(session, user.id, purpose)
        token = secret_text.mint()
        session.add(cls(user=user, purpose=purpose.value, digest=secret_text.digest(token), email=email, created_at=utcnow()))
        session.flush()
        return token

    @classmethod
    def find(cls, session: DbSession, token: str, purpose: Purpose) -> "MailedLink | None":
        """Return the live link with this text; looking at it does not use it up."""
        query = select(cls).where(cls.digest == secret_text.digest(token), cls.purpose == purpose.value, cls.used_at.is_(None))
        found = session.scalar(query.options(joinedload(cls.user)))
        return found if found and found.created_at > utcnow() - LIFE else None

    @classmethod
    def pending_email(cls, session: DbSession, user_id: int) -> str | None:
        """Return the address a user asked to change to and has not verified yet."""
        query = select(cls).where(
            cls.user_id == user_id,
            cls.purpose == Purpose.VERIFY_EMAIL.value,
            cls.used_at.is_(None),
            cls.created_at > utcnow() - LIFE,
        )
        found = session.scalar(query)
        return found.email if found else None

    @classmethod
    def cancel(cls, session: DbSession, user_id: int, *purposes: Purpose) -> None:
        """End a user's links of these purposes; of all, when none is named."""
        ended = delete(cls).where(cls.user_id == user_id)
        session.execute(ended.where(cls.purpose.in_([each.value for each in purposes])) if purposes else ended)

    def use(self, session: DbSession) -> bool:
        """Use the link up; of several at once exactly one is told that it did."""
        query = update(MailedLink).where(MailedLink.id == self.id, MailedLink.used_at.is_(None)).values(used_at=utcnow())
        return session.execute(query.returning(MailedLink.id)).first() is not None
