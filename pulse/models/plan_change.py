"""What another plan does to a team, so that it can be told before it is done."""

from dataclasses import dataclass
from typing import Self

from sqlalchemy import func, select

from pulse.db import DbSession
from pulse.models.api_key import ApiKey
from pulse.models.channel import Channel
from pulse.models.monitor import Monitor
from pulse.models.team import Team, only_reading
from pulse.plans import Limits, Plan
from pulse.roles import Role


@dataclass(frozen=True, slots=True)
class PlanChange:
    """What a team loses at once on another plan; `Team.change_plan` does it."""

    team: Team
    plan: Plan
    paused: list[str]
    """The names of the monitors that stop being checked, the newest first."""
    slowed: list[tuple[str, int]]
    """The names of the monitors that are checked less often, with their intervals until now in seconds."""
    reading: list[str]
    """The names of the members who write now and will only read."""
    silent: list[str]
    """The names of the channels that are no longer notified."""
    keys: int
    """How many live keys the team has, of all its members."""

    @classmethod
    def of(cls, session: DbSession, team: Team, plan: Plan) -> Self:
        """Tell what `plan` would do to the team now."""
        keys = select(func.count()).where(ApiKey.team_id == team.id, ApiKey.revoked_at.is_(None))
        return cls(
            team,
            plan,
            *_monitors(session, team, plan.limits),
            reading=_reading(team, plan),
            silent=[each.name for each in session.scalars(Channel.of(team.id)) if _falls_silent(each, team.plan, plan)],
            keys=session.scalar(keys) or 0,
        )

    @property
    def ends_api(self) -> bool:
        """Whether the API stops answering the team's keys."""
        return self.team.plan.has_api and not self.plan.has_api

    @property
    def slows_api(self) -> bool:
        """Whether each key may send fewer requests a minute."""
        now, then = self.team.plan.limits.requests_per_minute, self.plan.limits.requests_per_minute
        return self.plan.has_api and then < now

    @property
    def forgets(self) -> bool:
        """Whether checks are kept for a shorter time."""
        return self.plan.limits.history_days < self.team.plan.limits.history_days


def _monitors(session: DbSession, team: Team, limits: Limits) -> tuple[list[str], list[tuple[str, int]]]:
    """Return which monitors `Monitor.fit` would pause and which it would slow down."""
    query = select(Monitor.name, Monitor.interval_seconds, Monitor.paused_at).where(Monitor.team_id == team.id)
    rows = session.execute(query.order_by(Monitor.id)).all()
    running = [row.name for row in rows if row.paused_at is None]
    slowed = [(row.name, row.interval_seconds) for row in rows if row.interval_seconds < limits.shortest_interval]
    return running[limits.monitors :][::-1], slowed


def _reading(team: Team, plan: Plan) -> list[str]:
    before, after = only_reading(team.memberships, team.plan), only_reading(team.memberships, plan)
    return [each.user.name for each in team.memberships if each.id in after - before and each.role is not Role.VIEWER]


def _falls_silent(channel: Channel, now: Plan, then: Plan) -> bool:
    return channel.active and channel.is_included(now) and not channel.is_included(then)
