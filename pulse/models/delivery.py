"""Deliveries: what is to be told to a channel, in order for each incident, until it was taken or a day has passed."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlalchemy import ForeignKey, Index, Select, String, case, delete, exists, func, select, text, update
from sqlalchemy.orm import Mapped, aliased, mapped_column

from pulse.clock import iso, utcnow
from pulse.db import NEVER_REUSED, Base, BigId, DbSession, UTCDateTime
from pulse.models.retry import delay_after

if TYPE_CHECKING:
    from pulse.models.team import Team

GIVEN_UP_AFTER = timedelta(days=1)
KEPT = timedelta(days=30)
SWEPT_AT_ONCE = 1000


class Notice(StrEnum):
    """What is told."""

    CREATED = "incident.created"
    RESOLVED = "incident.resolved"
    TEST = "test"


class Delivery(Base):
    """One notice for one channel; it waits while an earlier one of the same incident has not arrived there."""

    __tablename__ = "deliveries"
    __table_args__ = (
        Index(
            "ix_deliveries_due_at",
            "due_at",
            sqlite_where=text("delivered_at IS NULL AND dropped_at IS NULL"),
            postgresql_where=text("delivered_at IS NULL AND dropped_at IS NULL"),
        ),
        Index("ix_deliveries_channel_id_id", "channel_id", "id"),
        Index("ix_deliveries_incident_id_id", "incident_id", "id"),
        NEVER_REUSED,
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    channel_id: Mapped[int] = mapped_column(ForeignKey("channels.id", ondelete="CASCADE"))
    incident_id: Mapped[int | None] = mapped_column(ForeignKey("incidents.id", ondelete="CASCADE"))
    event: Mapped[str]
    payload: Mapped[str] = mapped_column(String)
    """The JSON that a webhook gets, to the byte the same at each try; the other types' words are made of it."""
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    due_at: Mapped[datetime] = mapped_column(UTCDateTime)
    """When it is to be tried next; a try moves it on first, so two checkers do not send it at once."""
    attempts: Mapped[int]
    delivered_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    dropped_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    error: Mapped[str | None]
    """Why the last try failed."""

    @classmethod
    def queue(cls, session: DbSession, channel_id: int, told: dict[str, Any], incident_id: int | None = None) -> "Delivery":
        """Add a notice to the transaction; it goes out after the commit."""
        now = utcnow()
        delivery = cls(
            channel_id=channel_id,
            incident_id=incident_id,
            event=told["event"],
            payload=json.dumps(told, ensure_ascii=False, separators=(",", ":")),
            created_at=now,
            due_at=now,
            attempts=0,
        )
        session.add(delivery)
        return delivery

    @classmethod
    def test(cls, session: DbSession, channel_id: int, team: "Team") -> "Delivery":
        """Queue a test notification: in shape like any other, about nothing."""
        told = {"event": Notice.TEST.value, "triggered_at": iso(utcnow()), "incident": None, "monitor": None, "check": None}
        delivery = cls.queue(session, channel_id, told | {"team": {"id": team.id, "name": team.name}})
        session.flush()
        return delivery

    @classmethod
    def claim(
        cls, session: DbSession, channels: Select[int, int], until: datetime, *, limit: int, share: int, flying: Mapping[int, int]
    ) -> Sequence["Delivery"]:
        """Take the next notice that is due by then of each channel found, and put its next try off; commit before sending it.

        `channels` are ids and those of their teams. A team gets no more than its share, less what it has `flying`; where there
        is no room for all, those who have the fewest on their way come first.
        """
        now, earlier = utcnow(), aliased(cls)
        waits = exists().where(
            earlier.channel_id == cls.channel_id,
            earlier.incident_id == cls.incident_id,
            earlier.id < cls.id,
            earlier.delivered_at.is_(None),
            earlier.dropped_at.is_(None),
        )
        waiting = (cls.delivered_at.is_(None), cls.dropped_at.is_(None), cls.due_at <= until)
        of = channels.subquery()
        next_ids = select(func.min(cls.id)).where(*waiting, ~waits, cls.channel_id.in_(select(of.c.id))).group_by(cls.channel_id)
        number = func.row_number().over(partition_by=of.c.team_id, order_by=(cls.due_at, cls.id))
        place = number + (case(dict(flying), value=of.c.team_id, else_=0) if flying else 0)
        places = select(cls.id, place.label("place")).join(of, of.c.id == cls.channel_id).where(cls.id.in_(next_ids)).subquery()
        due = select(cls).join(places, places.c.id == cls.id).where(places.c.place <= share, *waiting)
        due = due.order_by(places.c.place, cls.due_at, cls.id).limit(limit)
        found = session.scalars(due.with_for_update(skip_locked=True, of=cls)).all()
        for each in found:
            each.attempts += 1
            each.due_at = now + delay_after(each.attempts)
        session.flush()
        return found

    @classmethod
    def sweep(cls, session: DbSession) -> int:
        """Remove some of what is done with for 30 days; return how many."""
        old = select(cls.id).where(cls.created_at < utcnow() - KEPT).limit(SWEPT_AT_ONCE)
        return len(session.execute(delete(cls).where(cls.id.in_(old)).returning(cls.id)).all())

    def end(self, session: DbSession, error: str | None, *, for_good: bool = False) -> bool:
        """Note what came of a try; return whether it is done with. One that fails is given up after a day."""
        now = utcnow()
        dropped = error is not None and (for_good or now - self.created_at > GIVEN_UP_AFTER)
        values = {"error": error, "delivered_at": None if error else now, "dropped_at": now if dropped else None}
        session.execute(update(Delivery).where(Delivery.id == self.id, Delivery.delivered_at.is_(None)).values(values))
        return error is None or dropped
