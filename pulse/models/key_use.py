"""Who uses a key: the tables of how often, for what, with which outcome, and from which clients.

Kept by token, so that after a rotation it can be told who has moved to the new one and who still knocks with the old.
"""

from datetime import datetime, timedelta

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from pulse.db import NEVER_REUSED, Base, BigId

KEPT = timedelta(days=30)
FORMER = ("token_rotated", "token_deleted")
"""What is answered to former tokens."""
MOST_CLIENTS = 50
"""How many clients are kept of a token: those seen last."""


class KeyUse(Base):
    """How many requests with one token, in one hour, had the same operation and outcome."""

    __tablename__ = "key_uses"

    token_id: Mapped[int] = mapped_column(ForeignKey("tokens.id", ondelete="CASCADE"), primary_key=True)
    hour: Mapped[datetime] = mapped_column(primary_key=True, index=True)
    operation: Mapped[str] = mapped_column(primary_key=True)
    """As the API documents it, `GET /monitors/{monitor_id}`; empty where the address does not exist."""
    status: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    code: Mapped[str] = mapped_column(primary_key=True)
    """The problem that was answered; empty where all was well."""
    ability: Mapped[str]
    """What the operation asks for; empty where any key will do."""
    count: Mapped[int]


class KeyClient(Base):
    """A program that sends a token: known by its address and by what it calls itself."""

    __tablename__ = "key_clients"
    __table_args__ = (
        UniqueConstraint("token_id", "address", "user_agent"),
        Index("ix_key_clients_last_seen_at", "last_seen_at"),
        NEVER_REUSED,
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    token_id: Mapped[int] = mapped_column(ForeignKey("tokens.id", ondelete="CASCADE"))
    address: Mapped[str]
    user_agent: Mapped[str]
    network: Mapped[str]
    """The address's surroundings, by which a client from somewhere new is told from one that moved next door."""
    first_seen_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    count: Mapped[int]
    last_operation: Mapped[str]
    last_status: Mapped[int]
    last_code: Mapped[str]

    @property
    def who(self) -> tuple[str, str]:
        """What makes it the same client with another token."""
        return self.address, self.user_agent
