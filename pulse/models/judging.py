"""What a team's alert rules make of new checks: incidents begin and end."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Row, bindparam, case, func, or_, select, tuple_, update
from sqlalchemy.orm import joinedload

from pulse.clock import utcnow
from pulse.db import DbSession
from pulse.models.alert_rule import MONITORS, AlertRule
from pulse.models.check import Check
from pulse.models.conditions import DAY, Condition, Question, Standing, Window
from pulse.models.hourly_sum import HOUR, HourlySum, hour_of
from pulse.models.incident import Incident
from pulse.models.monitor import Monitor
from pulse.models.notices import tell
from pulse.models.planned_outage import PlannedOutage
from pulse.models.rule_fields import RESOLVE_AFTER

REOPENED_AFTER = DAY
"""When a condition that stays for days opens another incident, after a person resolved the last one."""

Keys = set[tuple[int | None, int]]
"""Ids of rules and monitors."""
Rows = Sequence[Row[*tuple[Any, ...]]]
Uptimes = Mapping[tuple[int, Window], float]
"""Percent, by monitor and window."""


class Rule(NamedTuple):
    """What judging has to know of an alert rule, read without its entity: it is asked for at each check."""

    id: int
    team_id: int
    covers_all: bool
    active: bool
    cooldown_minutes: int
    resolve_after: int
    priority: str
    question: Question

    @classmethod
    def of(cls, row: "AlertRule | Row[*tuple[Any, ...]]") -> "Rule":
        """Return it from a row of `RULES`, or from the entity."""
        question = Question.of(row.condition, row.operator, row.value, row.window)
        fixed = (row.id, row.team_id, row.covers_all, row.active, row.cooldown_minutes, row.resolve_after, row.priority)
        return cls(*fixed, question)


class Case(NamedTuple):
    """A rule, one of the monitors it holds for, and the figure that is compared."""

    rule: Rule
    standing: Standing
    figure: float | None

    @property
    def is_met(self) -> bool | None:
        """Whether the condition is; None where the figure is not known."""
        return self.rule.question.is_met(self.figure)


Pair = tuple[Rule, Standing]
UNRESOLVED = (
    select(Incident.id, Incident.monitor_id, Incident.alert_rule_id, Incident.good_checks)
    .where(Incident.monitor_id.in_(bindparam("monitors", expanding=True)), Incident.resolved_at.is_(None))
    .order_by(Incident.id)
)
RULES = (
    select(
        AlertRule.id,
        AlertRule.team_id,
        AlertRule.covers_all,
        AlertRule.active,
        AlertRule.cooldown_minutes,
        AlertRule.resolve_after,
        AlertRule.priority,
        AlertRule.condition,
        AlertRule.operator,
        AlertRule.value,
        AlertRule.window,
    )
    .where(
        AlertRule.team_id.in_(bindparam("teams", expanding=True)),
        or_(AlertRule.active, AlertRule.id.in_(bindparam("opened", expanding=True))),
    )
    .order_by(AlertRule.id)
)
"""Both made once: what is asked at each check is not put together anew."""


def judge(session: DbSession, standings: Sequence[Standing]) -> None:
    """Open and resolve incidents, and queue what is told of it. In a planned outage nothing is judged.

    The monitors' rows are held by the caller, so that two checkers never judge one monitor at the same time.
    """
    by_monitor = {each.monitor_id: each for each in standings}
    unresolved = session.execute(UNRESOLVED, {"monitors": list(by_monitor)}).all()
    taken = {(row.alert_rule_id, row.monitor_id) for row in unresolved}
    cases = _cases(session, standings, taken)
    met = [each for key, each in cases.items() if key not in taken and each.rule.active and each.is_met]
    # Asked only now: mostly all is well, and there is nothing to keep silent about.
    concerned = {row.monitor_id for row in unresolved} | {each.standing.monitor_id for each in met}
    silenced = PlannedOutage.silenced(session, [by_monitor[each] for each in concerned]) if concerned else set[int]()
    if unresolved := [row for row in unresolved if row.monitor_id not in silenced]:
        _count_good(session, unresolved, by_monitor, cases)
    if met := [each for each in met if each.standing.monitor_id not in silenced]:
        _open(session, met)


def dry_run(session: DbSession, rule: AlertRule) -> list[Case]:
    """Return what a rule makes of its monitors as they stand, by name; nothing is opened, and nobody is told."""
    query = select(Monitor).where(Monitor.id.in_(rule.covered())).order_by(Monitor.name_folded, Monitor.id)
    asked, now = Rule.of(rule), utcnow()
    pairs = [(asked, _standing_of(monitor, now)) for monitor in session.scalars(query)]
    uptimes: Uptimes = _uptimes(session, pairs) if asked.question.window else {}
    return [_case(*pair, uptimes) for pair in pairs]


def _standing_of(monitor: Monitor, now: datetime) -> Standing:
    return Standing(
        monitor_id=monitor.id,
        team_id=monitor.team_id,
        name=monitor.name,
        up=bool(monitor.last_up),
        failures=monitor.failures,
        checked_at=now,
        http_status_code=monitor.last_http_status_code,
        response_time_ms=monitor.last_response_time_ms,
        certificate_expires_at=monitor.certificate_expires_at,
    )


def _cases(session: DbSession, standings: Sequence[Standing], unresolved: Keys) -> dict[tuple[int, int], Case]:
    """Return each rule with each of its monitors that was checked, by their ids."""
    by_team: dict[int, list[Standing]] = defaultdict(list)
    for standing in standings:
        by_team[standing.team_id].append(standing)
    opened = [rule_id for rule_id, _ in unresolved if rule_id is not None]
    rules = [Rule.of(row) for row in session.execute(RULES, {"teams": list(by_team), "opened": opened})]
    chosen = _chosen(session, [rule.id for rule in rules if not rule.covers_all], [each.monitor_id for each in standings])
    pairs = [
        (rule, standing)
        for rule in rules
        for standing in by_team[rule.team_id]
        if rule.covers_all or (rule.id, standing.monitor_id) in chosen
    ]
    uptimes = _uptimes(session, [pair for pair in pairs if _asks_uptime(*pair, unresolved)])
    return {(rule.id, standing.monitor_id): _case(rule, standing, uptimes) for rule, standing in pairs}


def _chosen(session: DbSession, rules: Sequence[int], monitors: Iterable[int]) -> set[tuple[int, int]]:
    """Return which of the rules were made for which of the monitors."""
    if not rules:
        return set()
    pair = (MONITORS.c.alert_rule_id, MONITORS.c.monitor_id)
    found = session.execute(select(*pair).where(pair[0].in_(rules), pair[1].in_(monitors)))
    return {(row.alert_rule_id, row.monitor_id) for row in found}


def _asks_uptime(rule: Rule, standing: Standing, unresolved: Keys) -> bool:
    """Tell whether an uptime is to be looked up: once a minute of each monitor, and at each check while an incident is on."""
    if rule.question.condition is not Condition.UPTIME:
        return False
    if standing.before is None or (rule.id, standing.monitor_id) in unresolved:
        return True
    return standing.before.replace(second=0, microsecond=0) < standing.checked_at.replace(second=0, microsecond=0)


def _uptimes(session: DbSession, pairs: Sequence[Pair]) -> Uptimes:
    """Return the uptimes that are asked for, a statement for each window."""
    found: dict[tuple[int, Window], float] = {}
    for window in {rule.question.window for rule, _ in pairs if rule.question.window}:
        standings = {standing.monitor_id: standing for rule, standing in pairs if rule.question.window is window}
        since = hour_of(max(each.checked_at for each in standings.values())) - HOUR * (window.hours - 1)
        summed = select(HourlySum.monitor_id, func.sum(HourlySum.up).label("up"), func.sum(HourlySum.total).label("total"))
        mine = summed.where(HourlySum.monitor_id.in_(standings), HourlySum.hour >= since).group_by(HourlySum.monitor_id)
        found |= {(row.monitor_id, window): 100 * row.up / row.total for row in session.execute(mine) if row.total}
    return found


def _case(rule: Rule, standing: Standing, uptimes: Uptimes) -> Case:
    question = rule.question
    uptime = uptimes.get((standing.monitor_id, question.window)) if question.window else None
    return Case(rule, standing, question.figure(standing, uptime))


def _count_good(
    session: DbSession,
    unresolved: Rows,
    by_monitor: Mapping[int, Standing],
    cases: Mapping[tuple[int, int], Case],
) -> None:
    """Count good checks towards the end of the incidents that are on, and end those that have enough."""
    good: dict[int, int] = {}
    over: list[int] = []
    for row in unresolved:
        each = cases.get((row.alert_rule_id, row.monitor_id))
        standing = by_monitor[row.monitor_id]
        # An incident whose rule is gone, or holds for other monitors by now, ends as if it had been down.
        is_good = each.rule.question.is_good(standing, each.figure) if each else standing.up
        if is_good is None:
            continue
        count = row.good_checks + 1 if is_good else 0
        if count >= (each.rule.resolve_after if each else RESOLVE_AFTER):
            over.append(row.id)
        if count != row.good_checks:
            good[row.id] = count
    if good:
        counted = case(*((Incident.id == incident, count) for incident, count in good.items()), else_=Incident.good_checks)
        mine = update(Incident).where(Incident.id.in_(good), Incident.resolved_at.is_(None)).values(good_checks=counted)
        session.execute(mine, execution_options={"synchronize_session": False})
    if over:
        _resolve(session, over, by_monitor)


def _resolve(session: DbSession, ids: Iterable[int], by_monitor: Mapping[int, Standing]) -> None:
    query = select(Incident).where(Incident.id.in_(ids), Incident.resolved_at.is_(None)).with_for_update(of=Incident)
    query = query.order_by(Incident.id).options(joinedload(Incident.monitor), joinedload(Incident.alert_rule))
    incidents = session.scalars(query.execution_options(populate_existing=True)).all()
    for incident in incidents:
        incident.resolved_at = max(incident.started_at, by_monitor[incident.monitor_id].checked_at)
    session.flush()
    tell(session, incidents)


def _open(session: DbSession, met: Sequence[Case]) -> None:
    # Held, so that a rule that is being deleted is either gone here or waits.
    held = select(AlertRule.id).where(AlertRule.id.in_({each.rule.id for each in met}), AlertRule.active)
    rules = set(session.scalars(held.with_for_update(read=True, key_share=True)))
    last = _last(session, met)
    opened = [
        _opened(each)
        for each in met
        if each.rule.id in rules and _may_open(session, each, last.get((each.rule.id, each.standing.monitor_id)))
    ]
    session.add_all(opened)
    session.flush()
    if opened:
        _with_monitors(session, opened)
        tell(session, opened)


def _last(session: DbSession, met: Sequence[Case]) -> dict[tuple[int, int], Row[*tuple[Any, ...]]]:
    """Return the last incident of each rule and monitor."""
    pair = tuple_(Incident.alert_rule_id, Incident.monitor_id)
    wanted = [(each.rule.id, each.standing.monitor_id) for each in met]
    newest = select(func.max(Incident.id)).where(pair.in_(wanted)).group_by(Incident.alert_rule_id, Incident.monitor_id)
    columns = (Incident.alert_rule_id, Incident.monitor_id, Incident.started_at, Incident.resolved_at, Incident.good_checks)
    rows = session.execute(select(*columns).where(Incident.id.in_(newest)))
    return {(row.alert_rule_id, row.monitor_id): row for row in rows}


def _may_open(session: DbSession, each: Case, last: Row[*tuple[Any, ...]] | None) -> bool:
    """Tell whether the rule's cooldown is over, and its last incident was not resolved by a person who knows better."""
    if last is None:
        return True
    at = each.standing.checked_at
    if at < last.started_at + timedelta(minutes=each.rule.cooldown_minutes):
        return False
    if each.rule.question.condition is Condition.CHECK_FAILED:
        return _has_failed_since(session, each, last.resolved_at)
    ended_itself = last.good_checks > 0  # who resolved it by hand may be gone by now
    return ended_itself or not each.rule.question.condition.is_slow or at >= last.resolved_at + REOPENED_AFTER


def _has_failed_since(session: DbSession, each: Case, ended: Any) -> bool:
    """Tell whether there were enough failed checks since this rule's last incident of the monitor ended.

    One that a person resolved too early is followed by another only after as many failed checks as it took at first.
    """
    failed = (Check.monitor_id == each.standing.monitor_id, Check.checked_at > ended, Check.up.is_(False))
    return (session.scalar(select(func.count()).where(*failed)) or 0) >= each.rule.question.value


def _opened(each: Case) -> Incident:
    standing = each.standing
    return Incident(
        team_id=standing.team_id,
        monitor_id=standing.monitor_id,
        alert_rule_id=each.rule.id,
        title=each.rule.question.title(standing.name, each.figure or 0),
        severity=each.rule.priority,
        started_at=standing.checked_at,
        good_checks=0,
    )


def _with_monitors(session: DbSession, incidents: Sequence[Incident]) -> None:
    """Read what is told of the monitors in one query."""
    ids = {each.monitor_id for each in incidents}
    session.scalars(select(Monitor).where(Monitor.id.in_(ids)).execution_options(populate_existing=True)).all()
