"""What is sent and told of an alert rule over the API."""

from typing import Annotated, Any, cast

from pydantic import BeforeValidator, Field, PlainSerializer, ValidationInfo, WithJsonSchema, field_validator

from pulse.api.schemas import Id, In, Moment, Out, Switch, Text, WholeNumber, defaulted, documented
from pulse.models.conditions import Condition, Operator, Window
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
