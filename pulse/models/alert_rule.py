"""Alert rules: what opens an incident, for which monitors, and whom it is told to."""

from datetime import datetime
from typing import TYPE_CHECKING, Any, Self, cast

from sqlalchemy import Float, ForeignKey, Index, Select, func, select
from sqlalchemy.orm import Mapped, mapped_column, relationship, selectinload

from pulse.clock import utcnow
from pulse.db import NEVER_REUSED, Base, BigId, DbSession, UTCDateTime
from pulse.models.channel import Channel
from pulse.models.conditions import Condition, Question
from pulse.models.event import About, Actor, Event
from pulse.models.hold import hold
from pulse.models.monitor import Monitor
from pulse.models.refusals import Faults, LimitReached
from pulse.models.rule_fields import DEFAULTS, RESOLVE_AFTER, RuleFields, Severity, check_fields
from pulse.models.scope import Scoped, chosen, pairs
from pulse.plans import Plan

if TYPE_CHECKING:
    from pulse.models.team import Team

MOST = 100
"""Rules of one team."""
GONE = "This alert rule was already deleted."
UNCOMPARED: RuleFields = {"operator": None, "value": None, "window": None}
MONITORS = pairs("alert_rule_monitors", "alert_rule_id = alert_rules", "monitor_id = monitors")
CHANNELS = pairs("alert_rule_channels", "alert_rule_id = alert_rules", "channel_id = channels")


class AlertRule(Scoped, Base):
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

    @classmethod
    def silenced_without(cls, session: DbSession, channel: Channel, plan: Plan) -> list["AlertRule"]:
        """Return the rules that are on and of which nobody would be notified any more, were a channel of the team deleted."""
        rules = session.scalars(cls.of(channel.team_id).where(cls.active).options(selectinload(cls.channels)))
        return [each for each in rules if each.notifies(plan) and not each.notifies(plan, without=channel)]

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
            raise LimitReached(f"A team can have at most {MOST} alert rules. Delete one first.", MOST)
        rule = cls(team_id=team.id, created_at=utcnow())
        rule._write(session, DEFAULTS | fields)
        session.add(rule)
        session.flush()
        rule._note(session, "alert_rule.created", by)
        return rule

    def change(self, session: DbSession, fields: RuleFields, by: Actor) -> None:
        """Write the fields that are given; raises `Faults` and, when it was deleted meanwhile, `Conflict`.

        What a condition is compared by is given with it: a new condition keeps no operator, value or window of the old one.
        """
        hold(session, self, GONE)
        if fields.get("condition", self.condition) != self.condition:
            fields = UNCOMPARED | fields
        if self.fields | fields != self.fields:
            self._write(session, fields)
            session.flush()
            self._note(session, "alert_rule.changed", by)

    def delete(self, session: DbSession, by: Actor) -> None:
        """Remove it; its open incidents go on, and end by good checks or by hand."""
        hold(session, self, GONE)
        self._note(session, "alert_rule.deleted", by)
        session.delete(self)
        session.flush()

    # --- what it is --------------------------------------------------------------------------------------------

    @property
    def question(self) -> Question:
        """Its condition."""
        return Question.of(self.condition, self.operator, self.value, self.window)

    @property
    def channel_ids(self) -> list[int]:
        """The ids of the channels it is told to."""
        return sorted(each.id for each in self.channels)

    @property
    def fields(self) -> RuleFields:
        """All that can be written of it, as it is."""
        names = RuleFields.__annotations__
        return cast("RuleFields", {name: getattr(self, name) for name in names})

    def notifies(self, plan: Plan, *, without: Channel | None = None) -> bool:
        """Tell whether anybody is notified of its incidents: over a channel that is on, and that the plan includes."""
        return any(each.active and each.is_included(plan) for each in self.channels if each is not without)

    def covered(self) -> Select[Any]:
        """Return the query for the ids of the monitors it holds for."""
        if self.covers_all:
            return select(Monitor.id).where(Monitor.team_id == self.team_id)
        return select(MONITORS.c.monitor_id).where(MONITORS.c.alert_rule_id == self.id)

    # --- steps -------------------------------------------------------------------------------------------------

    def _write(self, session: DbSession, fields: RuleFields) -> None:
        """Write these fields alone: what is kept is not judged, for what it was made for may be gone since."""
        values, faults = check_fields(self.fields | fields)
        values = {field: value for field, value in values.items() if field in fields}
        monitors, unknown = chosen(session, Monitor, self.team_id, "monitor_ids", values.get("monitor_ids") or ())
        channels, more = chosen(session, Channel, self.team_id, "channel_ids", values.get("channel_ids") or ())
        if faults := [*(each for each in faults if each.field in fields), *unknown, *more]:
            raise Faults(faults)
        if "monitor_ids" in values:
            self.covers_all, self.monitors = values.pop("monitor_ids") is None, monitors
        if "channel_ids" in values:
            self.channels = channels
            del values["channel_ids"]
        for field, value in values.items():
            setattr(self, field, value)

    def _note(self, session: DbSession, action: str, by: Actor) -> None:
        about = About(by.user_id, self.team_id, detail={"alert_rule": self.id, "name": self.name})
        Event.record(session, action, by, about)
        session.flush()
