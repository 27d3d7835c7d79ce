"""Incidents: stretches of trouble, each opened by an alert rule."""

from datetime import datetime
from enum import StrEnum
from typing import Self

from sqlalchemy import ColumnElement, ForeignKey, Index, Select, String, case, select, text, update
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, joinedload, mapped_column, relationship

from pulse.clock import utcnow
from pulse.db import NEVER_REUSED, Base, BigId, DbSession, UTCDateTime
from pulse.models.alert_rule import AlertRule
from pulse.models.event import About, Actor, Event
from pulse.models.monitor import Monitor
from pulse.models.notices import tell
from pulse.models.refusals import Conflict
from pulse.models.text import check_text

LONGEST_ROOT_CAUSE = 2000


class IncidentStatus(StrEnum):
    """Where an incident stands."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


class Incident(Base):
    """One stretch of trouble. Of a rule and a monitor at most one is unresolved, and the database holds it to that."""

    __tablename__ = "incidents"
    __table_args__ = (
        Index(
            "uq_incidents_unresolved",
            "monitor_id",
            "alert_rule_id",
            unique=True,
            postgresql_where=text("resolved_at IS NULL"),
            sqlite_where=text("resolved_at IS NULL"),
        ),
        Index("ix_incidents_team_id_id", "team_id", "id"),
        Index("ix_incidents_monitor_id_id", "monitor_id", "id"),
        Index("ix_incidents_alert_rule_id", "alert_rule_id"),
        NEVER_REUSED,
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    team_id: Mapped[int] = mapped_column(ForeignKey("teams.id", ondelete="CASCADE"))
    monitor_id: Mapped[int] = mapped_column(ForeignKey("monitors.id", ondelete="CASCADE"))
    alert_rule_id: Mapped[int | None] = mapped_column(ForeignKey("alert_rules.id", ondelete="SET NULL"))
    title: Mapped[str]
    severity: Mapped[str]
    started_at: Mapped[datetime] = mapped_column(UTCDateTime)
    acknowledged_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    acknowledged_by: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    resolved_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    resolved_by: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    """None where it resolved by itself, or by hand of somebody whose account is gone: see `resolved_itself`."""
    root_cause: Mapped[str | None]
    good_checks: Mapped[int] = mapped_column(server_default="0")
    """How many in a row count towards its end; none where it was resolved by hand."""

    monitor: Mapped[Monitor] = relationship()
    alert_rule: Mapped[AlertRule | None] = relationship()

    # --- finding -----------------------------------------------------------------------------------------------

    @classmethod
    def of(
        cls,
        team_id: int,
        *,
        status: str | None = None,
        severity: str | None = None,
        monitor_id: int | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Select[Self]:
        """Return the query for a team's incidents, newest first; those that began from `since` on and before `until`."""
        query = select(cls).where(cls.team_id == team_id).order_by(cls.id.desc())
        if status is not None:
            query = query.where(cls.status == status)
        if severity is not None:
            query = query.where(cls.severity == severity)
        if monitor_id is not None:
            query = query.where(cls.monitor_id == monitor_id)
        if since is not None:
            query = query.where(cls.started_at >= since)
        return query if until is None else query.where(cls.started_at < until)

    @classmethod
    def find(cls, session: DbSession, team_id: int, incident_id: int) -> "Incident | None":
        """Return a team's incident with its monitor and rule; another team's is not found."""
        query = select(cls).where(cls.id == incident_id, cls.team_id == team_id)
        return session.scalar(query.options(joinedload(cls.monitor), joinedload(cls.alert_rule)))

    # --- its course --------------------------------------------------------------------------------------------

    def acknowledge(self, session: DbSession, by: Actor) -> None:
        """Note that somebody sees to it; doing it twice is harmless. Raises `Conflict` when it is resolved."""
        seen = update(Incident).where(Incident.id == self.id, Incident.acknowledged_at.is_(None), Incident.resolved_at.is_(None))
        noted = session.execute(seen.values(acknowledged_at=utcnow(), acknowledged_by=by.user_id).returning(Incident.id)).first()
        self._read_anew(session)
        if self.resolved_at is not None:
            raise Conflict("This incident is already resolved.")
        if noted is not None:
            self._note(session, "incident.acknowledged", by)

    def resolve(self, session: DbSession, by: Actor, root_cause: str | None = None) -> None:
        """End it by hand; raises `Invalid` and, when it is resolved already, `Conflict`."""
        cause = check_root_cause(root_cause)
        ended = update(Incident).where(Incident.id == self.id, Incident.resolved_at.is_(None))
        values = {"resolved_at": max(utcnow(), self.started_at), "resolved_by": by.user_id, "root_cause": cause}
        if session.execute(ended.values(values | {"good_checks": 0}).returning(Incident.id)).first() is None:
            raise Conflict("This incident is already resolved.")
        self._read_anew(session)
        self._note(session, "incident.resolved", by)
        tell(session, [self])

    def _read_anew(self, session: DbSession) -> None:
        query = select(Incident).where(Incident.id == self.id).execution_options(populate_existing=True)
        if session.scalar(query) is None:
            raise Conflict("This incident no longer exists: its monitor was deleted.")

    def _note(self, session: DbSession, action: str, by: Actor) -> None:
        about = About(by.user_id, self.team_id, monitor_id=self.monitor_id, detail={"incident": self.id, "title": self.title})
        Event.record(session, action, by, about)
        session.flush()

    # --- what it is --------------------------------------------------------------------------------------------

    @hybrid_property
    def status(self) -> str:
        """Its `IncidentStatus`, in Python and in queries."""
        if self.resolved_at is not None:
            return IncidentStatus.RESOLVED
        return IncidentStatus.OPEN if self.acknowledged_at is None else IncidentStatus.ACKNOWLEDGED

    @status.inplace.expression
    @classmethod
    def _status(cls) -> ColumnElement[str]:
        return case(
            (cls.resolved_at.is_not(None), IncidentStatus.RESOLVED.value),
            (cls.acknowledged_at.is_not(None), IncidentStatus.ACKNOWLEDGED.value),
            else_=IncidentStatus.OPEN.value,
        ).cast(String)

    @property
    def resolved_itself(self) -> bool:
        """Whether good checks ended it; who resolved it by hand may be gone by now, but no good check counts then."""
        return self.resolved_at is not None and self.resolved_by is None and self.good_checks > 0

    @property
    def duration_seconds(self) -> int:
        """How long it has lasted, or lasted in all."""
        return lasted(self.started_at, self.resolved_at)


def lasted(started_at: datetime, resolved_at: datetime | None) -> int:
    """Return how many seconds an incident has lasted, until now where it is not resolved."""
    return max(0, int(((resolved_at or utcnow()) - started_at).total_seconds()))


def check_root_cause(text: str | None) -> str | None:
    """Return a root cause in the form to store; raises `Invalid`."""
    return check_text(text, "root_cause", LONGEST_ROOT_CAUSE)
