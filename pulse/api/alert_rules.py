"""Alert rules over the API: list, create, read, change, delete, and a dry run."""

from typing import Any

from flask import Blueprint
from sqlalchemy import ScalarSelect, String, Table, func, select

from pulse.abilities import Ability
from pulse.api.auth import caller, team
from pulse.api.operations import Reply, created, operation
from pulse.api.pages import PageQuery, Record, fetched_one, newest_first
from pulse.api.rule_schemas import DryRunOut, RuleChange, RuleIn, RuleOut
from pulse.api.schemas import Page
from pulse.extensions import db
from pulse.models.alert_rule import CHANNELS, MONITORS, AlertRule
from pulse.models.judging import dry_run
from pulse.problems import found

bp = Blueprint("api_alert_rules", __name__)


def _joined(table: Table, other: str) -> ScalarSelect[Any]:
    """Return the ids that a rule was made for as one text, so that a list of rules is one statement."""
    ids = func.aggregate_strings(table.c[other].cast(String), ",")
    return select(ids).where(table.c.alert_rule_id == AlertRule.id).correlate(AlertRule).scalar_subquery()


COLUMNS = (
    AlertRule.id,
    AlertRule.name,
    AlertRule.description,
    AlertRule.condition,
    AlertRule.operator,
    AlertRule.value.label("value"),
    AlertRule.window.label("window"),
    AlertRule.covers_all,
    AlertRule.cooldown_minutes,
    AlertRule.priority,
    AlertRule.resolve_after,
    AlertRule.active,
    AlertRule.created_at,
    _joined(MONITORS, "monitor_id").label("monitors"),
    _joined(CHANNELS, "channel_id").label("channels"),
)


@operation(bp, "GET", "/alert-rules", ability=Ability.ALERTS_READ, query=PageQuery, reply=Page[RuleOut])
def index(query: PageQuery) -> Reply:
    """List the team's alert rules, newest first."""
    listed = select(*COLUMNS).where(AlertRule.team_id == caller().team_id)
    return newest_first(listed, query, AlertRule.id, shape=told)


@operation(
    bp,
    "POST",
    "/alert-rules",
    ability=Ability.ALERTS_WRITE,
    body=RuleIn,
    reply=RuleOut,
    status=201,
    problems=("limit_reached",),
    headers=("Location",),
)
def create(body: RuleIn) -> Reply:
    """Create an alert rule."""
    rule = AlertRule.create(db.session, team(), body.fields(), caller().actor())
    return created(RuleOut.model_validate(rule), f"/alert-rules/{rule.id}")


@operation(bp, "GET", "/alert-rules/<id:rule_id>", ability=Ability.ALERTS_READ, reply=RuleOut)
def show(rule_id: int) -> Any:
    """Read an alert rule."""
    return told(fetched_one(select(*COLUMNS).where(AlertRule.id == rule_id, AlertRule.team_id == caller().team_id)))


@operation(
    bp,
    "PATCH",
    "/alert-rules/<id:rule_id>",
    ability=Ability.ALERTS_WRITE,
    body=RuleChange,
    reply=RuleOut,
)
def change(rule_id: int, body: RuleChange) -> RuleOut:
    """Change an alert rule; fields that are left out keep their values."""
    rule = find(rule_id)
    rule.change(db.session, body.fields(), caller().actor())
    return RuleOut.model_validate(rule)


@operation(bp, "DELETE", "/alert-rules/<id:rule_id>", ability=Ability.ALERTS_WRITE)
def delete(rule_id: int) -> None:
    """Delete an alert rule; its open incidents stay open until they are resolved."""
    find(rule_id).delete(db.session, caller().actor())


@operation(bp, "POST", "/alert-rules/<id:rule_id>/test", ability=Ability.ALERTS_WRITE, reply=DryRunOut)
def test(rule_id: int) -> dict[str, Any]:
    """Test a rule against the current state of its monitors: a dry run that opens nothing and notifies nobody."""
    found = dry_run(db.session, find(rule_id))
    findings = [
        {"monitor_id": each.standing.monitor_id, "name": each.standing.name, "figure": each.figure, "met": each.is_met}
        for each in found
    ]
    return {"met": sum(each.is_met is True for each in found), "findings": findings}


def find(rule_id: int) -> AlertRule:
    """Return the team's rule, or answer 404."""
    return found(AlertRule.find(db.session, caller().team_id, rule_id))


def told(row: Record) -> dict[str, Any]:
    """Return what is told of a row."""
    chosen = None if row["covers_all"] else _ids(row["monitors"])
    return {**row, "monitor_ids": chosen, "channel_ids": _ids(row["channels"])}


def _ids(joined: str | None) -> list[int]:
    return sorted(map(int, joined.split(","))) if joined else []
