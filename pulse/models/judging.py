"""What a team's alert rules make of new checks: incidents begin and end."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import product

from sqlalchemy import func, select
from sqlalchemy.orm import joinedload

from pulse.db import DbSession
from pulse.models.alert_rule import RESOLVE_AFTER, AlertRule, Condition
from pulse.models.check import Check
from pulse.models.incident import Incident, tell_owners
from pulse.models.monitor import Monitor


@dataclass(frozen=True, slots=True)
class Standing:
    """How a monitor stands after a check."""

    monitor_id: int
    team_id: int
    name: str
    up: bool
    failures: int
    successes: int
    checked_at: datetime


def judge(session: DbSession, standings: Sequence[Standing]) -> None:
    """Open and resolve incidents, and queue the mails that tell of it.

    The monitors' rows are held by the caller, so that two checkers never judge one monitor at the same time.
    """
    by_monitor = {each.monitor_id: each for each in standings}
    unresolved = session.execute(
        select(Incident.id, Incident.monitor_id, Incident.alert_rule_id, AlertRule.resolve_after)
        .outerjoin(AlertRule, AlertRule.id == Incident.alert_rule_id)
        .where(Incident.monitor_id.in_(by_monitor), Incident.resolved_at.is_(None))
    ).all()
    over = [row.id for row in unresolved if by_monitor[row.monitor_id].successes >= (row.resolve_after or RESOLVE_AFTER)]
    if over:
        _resolve(session, over, by_monitor)
    failing = [each for each in standings if not each.up]
    if failing:
        _open(session, failing, {(row.alert_rule_id, row.monitor_id) for row in unresolved})


def _resolve(session: DbSession, ids: Iterable[int], by_monitor: dict[int, Standing]) -> None:
    query = select(Incident).where(Incident.id.in_(ids), Incident.resolved_at.is_(None)).with_for_update(of=Incident)
    query = query.order_by(Incident.id).options(joinedload(Incident.monitor), joinedload(Incident.alert_rule))
    incidents = session.scalars(query.execution_options(populate_existing=True)).all()
    for incident in incidents:
        incident.resolved_at = max(incident.started_at, by_monitor[incident.monitor_id].checked_at)
    session.flush()
    tell_owners(session, incidents)


def _open(session: DbSession, failing: Sequence[Standing], taken: set[tuple[int | None, int]]) -> None:
    # Held, so that a rule that is being deleted is either gone here or waits.
    rules = session.scalars(
        select(AlertRule)
        .where(AlertRule.team_id.in_({each.team_id for each in failing}), AlertRule.active.is_(True))
        .where(AlertRule.condition == Condition.CHECK_FAILED.value)
        .with_for_update(read=True, key_share=True)
    ).all()
    pairs = [
        (rule, standing)
        for rule, standing in product(rules, failing)
        if rule.team_id == standing.team_id
        and standing.failures >= rule.value
        and (rule.id, standing.monitor_id) not in taken
        and _has_failed_since(session, rule, standing)
    ]
    opened = [_opened(rule, standing) for rule, standing in pairs]
    session.add_all(opened)
    session.flush()
    if opened:
        _with_monitors(session, opened)
        tell_owners(session, opened)


def _has_failed_since(session: DbSession, rule: AlertRule, standing: Standing) -> bool:
    """Tell whether there were enough failed checks since this rule's last incident of the monitor ended.

    One that a person resolved too early is followed by another only after as many failed checks as it took at first.
    """
    mine = (Incident.alert_rule_id == rule.id, Incident.monitor_id == standing.monitor_id)
    ended = session.scalar(select(func.max(Incident.resolved_at)).where(*mine))
    if ended is None:
        return True
    failed = (Check.monitor_id == standing.monitor_id, Check.checked_at > ended, Check.up.is_(False))
    return (session.scalar(select(func.count()).where(*failed)) or 0) >= rule.value


def _opened(rule: AlertRule, standing: Standing) -> Incident:
    return Incident(
        team_id=standing.team_id,
        monitor_id=standing.monitor_id,
        alert_rule_id=rule.id,
        title=f"{standing.name} is down",
        severity=rule.priority,
        started_at=standing.checked_at,
    )


def _with_monitors(session: DbSession, incidents: Sequence[Incident]) -> None:
    """Read what the mails need in one query."""
    ids = {each.monitor_id for each in incidents}
    session.scalars(select(Monitor).where(Monitor.id.in_(ids)).execution_options(populate_existing=True)).all()
