"""Mail that is to be sent: written in the transaction of the act it tells of, sent by the checker process."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Index, delete, select
from sqlalchemy.orm import Mapped, mapped_column

from pulse.clock import utcnow
from pulse.db import NEVER_REUSED, Base, BigId, DbSession, UTCDateTime
from pulse.models.retry import delay_after

GIVEN_UP_AFTER = timedelta(days=3)


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail as it is written. `name` is the same at every try, so that one that arrived twice can be known for one."""

    name: str
    recipient: str
    subject: str
    body: str
    written_at: datetime


class Message(Base):
    """One mail to one address. A sent one leaves no row: its links and words are nobody's business any more."""

    __tablename__ = "outbox"
    __table_args__ = (Index("ix_outbox_due_at", "due_at"), NEVER_REUSED)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    recipient: Mapped[str]
    subject: Mapped[str]
    body: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    due_at: Mapped[datetime] = mapped_column(UTCDateTime)
    """When it is to be tried next; a try moves it on first, so two senders do not send it twice."""
    attempts: Mapped[int]

    @classmethod
    def queue(cls, session: DbSession, recipient: str, subject: str, body: str) -> "Message":
        """Add a mail to the transaction; it goes out after the commit."""
        now = utcnow()
        message = cls(recipient=recipient, subject=subject, body=body, created_at=now, due_at=now, attempts=0)
        session.add(message)
        return message

    @classmethod
    def claim(cls, session: DbSession) -> "Message | None":
        """Take the next mail that is due, and put its next try off; commit before sending it."""
        now = utcnow()
        due = select(cls.id).where(cls.due_at <= now).order_by(cls.due_at, cls.id).limit(1).with_for_update(skip_locked=True)
        found = session.get(cls, session.scalar(due) or 0)
        if found is not None:
            found.attempts += 1
            found.due_at = now + delay_after(found.attempts)
        return found

    @classmethod
    def forget(cls, session: DbSession, recipient: str) -> None:
        """Remove what waits for an address, as when its account is gone."""
        session.execute(delete(cls).where(cls.recipient == recipient))

    def sent(self, session: DbSession) -> None:
        """Note that it went out."""
        session.execute(delete(Message).where(Message.id == self.id))

    @property
    def letter(self) -> Letter:
        """What is to be sent."""
        name = f"{self.id}.{int(self.created_at.timestamp() * 1000)}"
        return Letter(name, self.recipient, self.subject, self.body, self.created_at)

    @property
    def is_hopeless(self) -> bool:
        """Whether it has been tried for so long that nobody waits for it any more."""
        return utcnow() - self.created_at > GIVEN_UP_AFTER
