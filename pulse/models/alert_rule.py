"""Alert rules: what opens an incident, for which monitors, and whom it is told to."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self, cast

from sqlalchemy import Column, Float, ForeignKey, Index, Select, Table, func, select, true
from sqlalchemy.orm import Mapped, mapped_column, relationship, selectinload

from pulse.clock import utcnow
from pulse.db import NEVER_REUSED, Base, BigId, DbSession, UTCDateTime
from pulse.models.channel import Channel
from pulse.models.conditions import Condition, Operator, Question, Window
from pulse.models.event import About, Actor, Event
from pulse.models.monitor import Monitor
from pulse.models.refusals import Conflict, Faults, Invalid, LimitReached
from pulse.models.rule_fields import RESOLVE_AFTER, RuleFields, Severity, check_fields

if TYPE_CHECKING:
    from pulse.models.team import Team

MOST = 100
"""Rules of one team."""
MONITORS = Table(
    "alert_rule_monitors",
    Base.metadata,
    Column("alert_rule_id", BigId, ForeignKey("alert_rules.id", ondelete="CASCADE"), primary_key=True),
    Column("monitor_id", BigId, ForeignKey("monitors.id", ondelete="CASCADE"), primary_key=True, index=True),
)
CHANNELS = Table(
    "alert_rule_channels",
    Base.metadata,
    Column("alert_rule_id", BigId, ForeignKey("alert_rules.id", ondelete="CASCADE"), primary_key=True),
    Column("channel_id", BigId, ForeignKey("channels.id", ondelete="CASCADE"), primary_key=True, index=True),
)


class AlertRule(Base):
    """One rule of a team. Of defaults in the database nothing is made but what older rows were given."""

    __tablename__ = "alert_rules"
    __table_args__ = (Index("ix_alert_rules_team_id_id", "team_id", "id"), NEVER_REUSED)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    team_id: Mapped[int] = mapped_column(ForeignKey("teams.id", ondelete="CASCADE"))
    name: Mapped[str]
    description: Mapped[str | None]
    condition: Mapped[str]
    operator: Mapped[str | None]
    value: Mapped[float] = mapped_column("threshold", Float, server_default="2")
    """A number of failed checks, a status, milliseconds, percent or days."""
    window: Mapped[str | None] = mapped_column("span")
    covers_all: Mapped[bool] = mapped_column(server_default=true())
    """Whether it holds for all monitors, those to come included; else for those chosen."""
    cooldown_minutes: Mapped[int] = mapped_column(server_default="0")
    """How long after an incident began the same rule opens no other for that monitor."""
    resolve_after: Mapped[int]
    """How many good checks in a row end an incident."""
    priority: Mapped[str]
    active: Mapped[bool]
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)

    monitors: Mapped[list[Monitor]] = relationship(secondary=MONITORS, order_by=(Monitor.name_folded, Monitor.id))
    channels: Mapped[list[Channel]] = relationship(secondary=CHANNELS, order_by=Channel.id)

    # --- finding -----------------------------------------------------------------------------------------------

    @classmethod
    def of(cls, team_id: int) -> Select[Self]:
        """Return the query for a team's rules, the oldest first."""
        return select(cls).where(cls.team_id == team_id).order_by(cls.id)

    @classmethod
    def find(cls, session: DbSession, team_id: int, rule_id: int) -> "AlertRule | None":
        """Return a team's rule with its monitors and channels; another team's is not found."""
        query = select(cls).where(cls.id == rule_id, cls.team_id == team_id)
        return session.scalar(query.options(selectinload(cls.monitors), selectinload(cls.channels)))

    # --- the life of a rule ------------------------------------------------------------------------------------

    @classmethod
    def default_for(cls, session: DbSession, team: "Team") -> "AlertRule":
        """Make the one rule that a new team begins with; it is told to the team's Owner."""
        rule = cls(
            team_id=team.id,
            name="Monitor down",
            condition=Condition.CHECK_FAILED.value,
            value=2,
            covers_all=True,
            cooldown_minutes=0,
            resolve_after=RESOLVE_AFTER,
            priority=Severity.CRITICAL.value,
            active=True,
            created_at=utcnow(),
        )
        rule.channels = [Channel.default_for(session, team.id)]
        session.add(rule)
        session.flush()
        return rule

    @classmethod
    def create(cls, session: DbSession, team: "Team", fields: RuleFields, by: Actor) -> "AlertRule":
        """Make a rule; raises `Faults` and `LimitReached`."""
        team.hold(session)
        if (session.scalar(select(func.count()).where(cls.team_id == team.id)) or 0) >= MOST:
            raise LimitReached(f"A team has at most {MOST} alert rules. Delete one first.", MOST)
        rule = cls(team_id=team.id, created_at=utcnow())
        rule._write(session, fields)
        session.add(rule)
        session.flush()
        rule._note(session, "alert_rule.created", by)
        return rule

    def change(self, session: DbSession, fields: RuleFields, by: Actor) -> None:
        """Write the fields that are given; raises `Faults` and, when it was deleted meanwhile, `Conflict`.

        What a condition is compared by is given with it: a new condition keeps no operator, value or window of the old one.
        """
        self._hold(session)
        kept = self.fields
        if fields.get("condition", self.condition) != self.condition:
            kept |= {"operator": None, "value": None, "window": None}
        whole = kept | fields
        if whole != self.fields:
            self._write(session, whole)
            session.flush()
            self._note(session, "alert_rule.changed", by)

    def delete(self, session: DbSession, by: Actor) -> None:
        """Remove it; its open incidents go on, and end by good checks or by hand."""
        self._hold(session)
        self._note(session, "alert_rule.deleted", by)
        session.delete(self)
        session.flush()

    # --- what it is --------------------------------------------------------------------------------------------

    @property
    def question(self) -> Question:
        """Its condition."""
        operator, window = self.operator, self.window
        how = Operator(operator) if operator else None
        return Question(Condition(self.condition), how, self.value, Window(window) if window else None)

    @property
    def monitor_ids(self) -> list[int] | None:
        """The ids of the chosen monitors; None where it holds for all."""
        return None if self.covers_all else sorted(each.id for each in self.monitors)

    @property
    def channel_ids(self) -> list[int]:
        """The ids of the channels it is told to."""
        return sorted(each.id for each in self.channels)

    @property
    def fields(self) -> RuleFields:
        """All that can be written of it, as it is."""
        names = RuleFields.__annotations__
        return cast("RuleFields", {name: getattr(self, name) for name in names})

    def covered(self) -> Select[Any]:
        """Return the query for the ids of the monitors it holds for."""
        if self.covers_all:
            return select(Monitor.id).where(Monitor.team_id == self.team_id)
        return select(MONITORS.c.monitor_id).where(MONITORS.c.alert_rule_id == self.id)

    # --- steps -------------------------------------------------------------------------------------------------

    def _write(self, session: DbSession, fields: RuleFields) -> None:
        values, faults = check_fields(fields)
        monitors = self._chosen(session, Monitor, "monitor_ids", values.get("monitor_ids"), faults)
        channels = self._chosen(session, Channel, "channel_ids", values.get("channel_ids") or [], faults)
        if faults:
            raise Faults(faults)
        self.covers_all = values.pop("monitor_ids") is None
        del values["channel_ids"]
        for field, value in values.items():
            setattr(self, field, value)
        self.monitors, self.channels = list(monitors), list(channels)

    def _chosen(
        self, session: DbSession, kind: type[Any], field: str, ids: Sequence[int] | None, faults: list[Invalid]
    ) -> Sequence[Any]:
        """Return the team's things with these ids; a fault where one is not among them, or none was chosen of monitors."""
        if ids is None:
            return []
        if kind is Monitor and not ids:
            faults.append(Invalid(field, "Choose at least one monitor, or all of them."))
        query = select(kind).where(kind.team_id == self.team_id, kind.id.in_(ids)).order_by(kind.id)
        found = session.scalars(query.with_for_update(read=True, key_share=True)).all()
        if missing := sorted(set(ids) - {each.id for each in found}):
            faults.append(Invalid(field, f"The team has none with the id {', '.join(map(str, missing[:5]))}."))
        return found

    def _hold(self, session: DbSession) -> None:
        query = select(AlertRule).where(AlertRule.id == self.id).with_for_update(of=AlertRule)
        if session.scalar(query.execution_options(populate_existing=True)) is None:
            raise Conflict("This alert rule was deleted already.")

    def _note(self, session: DbSession, action: str, by: Actor) -> None:
        about = About(by.user_id, self.team_id, detail={"alert_rule": self.id, "name": self.name})
        Event.record(session, action, by, about)
        session.flush()
