"""Alert rules: what opens an incident, and what ends it."""

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Self

from sqlalchemy import ForeignKey, Index, Select, select
from sqlalchemy.orm import Mapped, mapped_column

from pulse.clock import utcnow
from pulse.db import NEVER_REUSED, Base, BigId, DbSession, UTCDateTime

if TYPE_CHECKING:
    from pulse.models.team import Team

RESOLVE_AFTER = 2
"""How many good checks in a row end an incident, where its rule says nothing or is gone."""


class Condition(StrEnum):
    """What a rule looks at."""

    CHECK_FAILED = "check_failed"


class Severity(StrEnum):
    """How bad an incident is; a rule's priority, once it has opened one."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class AlertRule(Base):
    """One rule of a team."""

    __tablename__ = "alert_rules"
    __table_args__ = (Index("ix_alert_rules_team_id_id", "team_id", "id"), NEVER_REUSED)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    team_id: Mapped[int] = mapped_column(ForeignKey("teams.id", ondelete="CASCADE"))
    name: Mapped[str]
    condition: Mapped[str]
    value: Mapped[int]
    """For `check_failed`: how many failed checks in a row open an incident."""
    resolve_after: Mapped[int]
    """How many good checks in a row end it."""
    priority: Mapped[str]
    active: Mapped[bool]
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)

    @classmethod
    def default_for(cls, session: DbSession, team: "Team") -> "AlertRule":
        """Make the one rule that a new team begins with."""
        rule = cls(
            team_id=team.id,
            name="Monitor down",
            condition=Condition.CHECK_FAILED.value,
            value=2,
            resolve_after=RESOLVE_AFTER,
            priority=Severity.CRITICAL.value,
            active=True,
            created_at=utcnow(),
        )
        session.add(rule)
        session.flush()
        return rule

    @classmethod
    def of(cls, team_id: int) -> Select[Self]:
        """Return the query for a team's rules, the oldest first."""
        return select(cls).where(cls.team_id == team_id).order_by(cls.id)
