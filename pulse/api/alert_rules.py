"""Alert rules over the API: list, create, read, change, delete, and a dry run."""

from typing import Annotated, Any, cast

from flask import Blueprint
from pydantic import BeforeValidator, Field, PlainSerializer, ValidationInfo, WithJsonSchema, field_validator
from sqlalchemy import ScalarSelect, String, Table, func, select

from pulse.abilities import Ability
from pulse.api.auth import caller, team
from pulse.api.operations import Reply, created, operation
from pulse.api.pages import PageQuery, Record, by_id, fetched_one, paged
from pulse.api.schemas import Id, In, Moment, Out, Page, Switch, Text, WholeNumber, defaulted, documented
from pulse.extensions import db
from pulse.models.alert_rule import CHANNELS, MONITORS, AlertRule
from pulse.models.conditions import Condition, Operator, Window
from pulse.models.judging import dry_run
from pulse.models.rule_fields import (
    DEFAULTS,
    LONGEST_COOLDOWN,
    LONGEST_DESCRIPTION,
    MOST_IN_A_ROW,
    RANGES,
    RuleFields,
    Severity,
    check_fields,
)
from pulse.names import LONGEST
from pulse.problems import Problem

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


def _number(value: Any) -> Any:
    if isinstance(value, bool | str):
        raise ValueError("Use a number.")
    return value


def _plain(value: float) -> float:
    return int(value) if value.is_integer() else value


Number = Annotated[float, BeforeValidator(_number), Field(allow_inf_nan=False)]
Figure = Annotated[float, PlainSerializer(_plain), WithJsonSchema({"type": "number"})]
"""A number without a fraction where it has none."""


Ids = Annotated[list[Id], Field(max_length=1000)]
OF_THE_CONDITION = ("operator", "value", "window")
"""Fields whose rule is that of the condition."""


OPERATORS = "; ".join(f"`{each}`: {', '.join(each.operators) or 'none'}" for each in Condition)
VALUES = "; ".join(f"`{each}`: {least:g} to {most:,g} ({what})" for each, (least, most, what) in RANGES.items())


class RuleFieldsIn(In):
    """What may be written of a rule: null brings the default back. The rules of a value are its condition's."""

    operator: Annotated[Text | None, documented(f"By default the first: {OPERATORS}.", enum=[*Operator, None])] = None
    window: Annotated[Text | None, documented(f"With `uptime`; by default {Window.DAY}.", enum=[*Window, None])] = None
    description: Annotated[Text | None, documented(maxLength=LONGEST_DESCRIPTION)] = None
    monitor_ids: Annotated[Ids | None, documented("Null is all monitors.")] = None
    channel_ids: Ids | None = None
    cooldown_minutes: Annotated[WholeNumber | None, documented(minimum=0, maximum=LONGEST_COOLDOWN)] = None
    priority: Annotated[Text | None, documented(enum=[*Severity, None])] = None
    resolve_after: Annotated[WholeNumber | None, documented(minimum=1, maximum=MOST_IN_A_ROW)] = None
    active: Switch | None = None

    @field_validator("*")
    @classmethod
    def holds_its_rule(cls, value: Any, info: ValidationInfo) -> Any:
        """Hold each field to the model's rule here already, so that all faults are told at once."""
        field, condition = info.field_name, info.data.get("condition")
        if field in OF_THE_CONDITION and condition is None:
            return value
        _, faults = check_fields(cast("RuleFields", {"condition": condition, field: value}))
        if fault := next((each for each in faults if each.field == field), None):
            raise ValueError(str(fault))
        return value

    def fields(self) -> RuleFields:
        """Return what was given, and nothing else."""
        return cast("RuleFields", self.model_dump(exclude_unset=True))


class Given(In):
    """What a whole rule must have."""

    name: Annotated[Text, documented(minLength=1, maxLength=LONGEST)]
    condition: Annotated[Text, documented(enum=[*Condition])]
    value: Annotated[Number, documented(VALUES)]


class Regiven(In):
    """The same, in a change."""

    name: Annotated[Text | None, documented(minLength=1, maxLength=LONGEST)] = None
    condition: Annotated[Text | None, documented(enum=[*Condition, None])] = None
    value: Annotated[Number | None, documented(VALUES)] = None


class RuleIn(RuleFieldsIn, Given):
    """A rule to create."""

    model_config = defaulted(DEFAULTS)


class RuleChange(RuleFieldsIn, Regiven):
    """Changes to a rule. Absent fields keep their values; a new condition needs its value."""


class RuleOut(Out):
    """What opens an incident, for which monitors, and which channels are notified."""

    id: int
    name: str
    description: str | None
    condition: Condition
    operator: Operator | None
    value: Figure
    window: Window | None
    monitor_ids: list[int] | None
    channel_ids: list[int]
    cooldown_minutes: int
    priority: Severity
    resolve_after: int
    active: bool
    created_at: Moment


class FindingOut(Out):
    """What a rule finds for one monitor in its current state; `met` is null if the figure is not known."""

    monitor_id: int
    name: str
    figure: Figure | None
    met: bool | None


class DryRunOut(Out):
    """What a rule would do about its monitors now. Nothing is opened and nobody is notified."""

    met: int
    findings: list[FindingOut]


@operation(bp, "GET", "/alert-rules", ability=Ability.ALERTS_READ, query=PageQuery, reply=Page[RuleOut])
def index(query: PageQuery) -> Reply:
    """List the team's alert rules, newest first."""
    listed = select(*COLUMNS).where(AlertRule.team_id == caller().team_id).order_by(AlertRule.id.desc())
    return paged(listed, query, place_of=lambda row: [row["id"]], after=by_id(AlertRule.id), shape=told)


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
    rule = AlertRule.find(db.session, caller().team_id, rule_id)
    if rule is None:
        raise Problem("not_found")
    return rule


def told(row: Record) -> dict[str, Any]:
    """Return what is told of a row."""
    chosen = None if row["covers_all"] else _ids(row["monitors"])
    return {**row, "monitor_ids": chosen, "channel_ids": _ids(row["channels"])}


def _ids(joined: str | None) -> list[int]:
    return sorted(map(int, joined.split(","))) if joined else []
