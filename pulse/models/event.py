"""The audit trail: who did what, when, from where."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, select
from sqlalchemy.orm import Mapped, mapped_column

from pulse.clock import utcnow
from pulse.db import NEVER_REUSED, Base, BigId, DbSession, UTCDateTime
from pulse.tokens import hidden


class ActorKind(StrEnum):
    """By which door somebody acts."""

    USER = "user"
    KEY = "key"
    STAFF = "staff"
    OPERATOR = "operator"
    """The command line on the service's own machine."""
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, and from where; the edges know, the models write it down."""

    kind: ActorKind
    user_id: int | None = None
    key_id: int | None = None
    address: str | None = None
    user_agent: str | None = None
    request_id: str | None = None


OPERATOR = Actor(ActorKind.OPERATOR)
SYSTEM = Actor(ActorKind.SYSTEM)


@dataclass(frozen=True, slots=True)
class About:
    """What an event is about."""

    user_id: int | None = None
    team_id: int | None = None
    key_id: int | None = None
    last_eight: str | None = None
    monitor_id: int | None = None
    detail: dict[str, Any] = field(default_factory=dict[str, Any])


class Event(Base):
    """One line of the trail. An account's events go with the account."""

    __tablename__ = "events"
    __table_args__ = (
        Index("ix_events_user_id_id", "user_id", "id"),
        Index("ix_events_key_id_id", "key_id", "id"),
        Index("ix_events_team_id_id", "team_id", "id"),
        NEVER_REUSED,
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    at: Mapped[datetime] = mapped_column(UTCDateTime)
    action: Mapped[str]
    """Noun and past participle: `key.rotated`."""
    actor_kind: Mapped[str]
    actor_user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"), index=True)
    actor_key_id: Mapped[int | None]
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    """Whose account it is about."""
    team_id: Mapped[int | None] = mapped_column(ForeignKey("teams.id", ondelete="SET NULL"))
    key_id: Mapped[int | None]
    last_eight: Mapped[str | None]
    monitor_id: Mapped[int | None]
    address: Mapped[str | None]
    user_agent: Mapped[str | None]
    request_id: Mapped[str | None] = mapped_column(index=True)
    reason: Mapped[str | None]
    detail: Mapped[dict[str, Any]] = mapped_column(JSON)

    @classmethod
    def record(cls, session: DbSession, action: str, by: Actor, about: About, reason: str | None = None) -> "Event":
        """Add the event to the transaction of the act itself: both are kept or neither."""
        event = cls(
            at=utcnow(),
            action=action,
            actor_kind=by.kind,
            actor_user_id=by.user_id,
            actor_key_id=by.key_id,
            user_id=about.user_id,
            team_id=about.team_id,
            key_id=about.key_id,
            last_eight=about.last_eight,
            monitor_id=about.monitor_id,
            address=by.address,
            user_agent=hidden(by.user_agent)[:300] if by.user_agent else None,
            request_id=by.request_id,
            reason=reason,
            detail=about.detail,
        )
        session.add(event)
        return event

    @classmethod
    def of_user(cls, session: DbSession, user_id: int, limit: int = 100) -> list["Event"]:
        """Return the newest events about an account."""
        query = select(cls).where(cls.user_id == user_id).order_by(cls.id.desc()).limit(limit)
        return list(session.scalars(query))

    @classmethod
    def of_key(cls, session: DbSession, key_id: int, limit: int = 100) -> list["Event"]:
        """Return the newest events about a key."""
        query = select(cls).where(cls.key_id == key_id).order_by(cls.id.desc()).limit(limit)
        return list(session.scalars(query))
