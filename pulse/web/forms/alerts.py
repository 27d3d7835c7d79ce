"""The forms of the Alerts pages."""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, cast

from wtforms import (
    BooleanField,
    DateTimeLocalField,
    Field,
    RadioField,
    SelectField,
    SelectMultipleField,
    TextAreaField,
    ValidationError,
)
from wtforms.widgets import CheckboxInput

from pulse.models.alert_rule import AlertRule
from pulse.models.channel import OWNER, Channel, ChannelFields, ChannelType
from pulse.models.conditions import Condition, Operator, Window
from pulse.models.monitor import Monitor
from pulse.models.planned_outage import LOCAL, OutageFields, PlannedOutage, Repeats
from pulse.models.planned_outage import check_fields as check_outage
from pulse.models.refusals import Faults, Invalid, Refused
from pulse.models.rule_fields import RANGES, RuleFields, Severity
from pulse.models.rule_fields import check_fields as check_rule
from pulse.web.forms.base import OwnedForm, Readable, TextField, choices
from pulse.web.forms.monitors import NumberField

SCOPES = (("all", "All monitors"), ("chosen", "Chosen monitors"))
RECIPIENTS = ((OWNER, "Team Owner, whoever that is at the time"), ("address", "An address"))
USUAL = ("", "the usual one")
"""Offered where the condition is yet to be chosen: without scripts a form cannot follow that choice."""


class ChosenField(SelectMultipleField):
    """Boxes to tick, one for each thing of the team; ids that are none of them are the model's to refuse."""

    option_widget = CheckboxInput()

    def __init__(self, label: str, **options: Any) -> None:
        super().__init__(label, coerce=_id, choices=choices(), validate_choice=False, **options)

    @property
    def chosen(self) -> list[int]:
        """The ids that were ticked."""
        return [each for each in self.data or () if each]


class ValueField(TextField):
    """A number, with a point or a comma."""

    def number(self) -> float | None:
        """Return what was typed; None where it is no number."""
        text = (self.data or "").strip().replace(",", ".")
        return float(text) if re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,4})?", text, re.ASCII) else None


class ScopedForm(OwnedForm):
    """A form of what holds for all monitors or for chosen ones."""

    scope = RadioField("Scope", choices=choices(*SCOPES), default="all")
    monitor_ids = ChosenField("Monitors")

    def offer_monitors(self, monitors: Sequence[Monitor]) -> None:
        """Offer the team's monitors."""
        self.monitor_ids.choices = choices(*((str(each.id), each.name) for each in monitors))

    def chosen_monitors(self) -> list[int] | None:
        """Return the ids of the chosen monitors; None for all."""
        return None if self.scope.data == "all" else self.monitor_ids.chosen

    def agree(self, faults: Iterable[Invalid]) -> bool:
        """Tell what a model finds wrong with fields that the form found no fault with, and return whether all is well."""
        self.tell(Faults([each for each in faults if not self[each.field or ""].errors]))
        return not self.errors


class RuleForm(ScopedForm):
    """**Create Rule**, and **Save**."""

    noun = "rule"
    compared = ("scope", *RuleFields.__annotations__)

    name = TextField("Rule Name", render_kw={"maxlength": 200})
    description = TextAreaField("Description", [Readable()], render_kw={"rows": 2, "maxlength": 1000})
    condition = SelectField("Condition Type", choices=choices(*((each.value, each.label) for each in Condition)))
    operator = SelectField("Operator", choices=choices(USUAL, *((each.value, each.label) for each in Operator)), default="")
    value = ValueField("Value", render_kw={"inputmode": "decimal", "autocomplete": "off"})
    window = SelectField("Window", choices=choices(*((each.value, each.label) for each in Window)), default=Window.DAY.value)
    channel_ids = ChosenField("Notification Channels")
    cooldown_minutes = NumberField("Cooldown Period", default=0)
    priority = SelectField("Priority", choices=choices(*((each.value, each.value.capitalize()) for each in Severity)))
    resolve_after = NumberField("Resolve After", default=2)
    active = BooleanField("Active", default=True)

    @classmethod
    def of(cls, rule: AlertRule) -> "RuleForm":
        """Return the form for a change, filled with what the rule is."""
        given: dict[str, Any] = {**rule.fields, "scope": "all" if rule.covers_all else "chosen"}
        shown = {"value": f"{rule.value:g}", "monitor_ids": rule.monitor_ids or [], "operator": rule.operator or ""}
        return cls(formdata=None, data=given | shown | {"window": rule.window or Window.DAY.value}).marked()

    def turn_to(self, condition: str) -> None:
        """Ask for what another condition is compared by, in place of what the form holds."""
        if condition in set(Condition) and condition != self.condition.data:
            self.condition.data, self.value.data = condition, ""
            self.operator.data, self.window.data = "", Window.DAY.value

    @property
    def measure(self) -> str:
        """What the value counts, and from where to where it goes: `Milliseconds, 1 to 60,000.`"""
        least, most, what = RANGES[Condition(self._condition)]
        return f"{what.capitalize()}, {least:g} to {most:,g}."

    @property
    def _condition(self) -> str:
        return self.condition.data if self.condition.data in set(Condition) else Condition.CHECK_FAILED.value

    def offer(self, monitors: Sequence[Monitor], channels: Sequence[Channel]) -> None:
        """Offer the team's monitors and channels, and the comparisons that the condition can be made with."""
        if offered := Condition(self._condition).operators:
            self.operator.choices = choices(*((each.value, each.label) for each in offered))
        self.offer_monitors(monitors)
        self.channel_ids.choices = choices(*((str(each.id), f"{each.name} ({each.kind.label})") for each in channels))

    def fields(self) -> RuleFields:
        """Return the whole rule as it was typed; what the condition has no use for is left out."""
        condition = self.condition.data
        whole = {name: self[name].data for name in ("name", "description", "condition", "cooldown_minutes", "priority")}
        whole |= {"resolve_after": self.resolve_after.data, "active": bool(self.active.data), "value": self.value.number()}
        whole |= {"monitor_ids": self.chosen_monitors(), "channel_ids": self.channel_ids.chosen}
        whole["operator"] = (self.operator.data or None) if condition != Condition.CHECK_FAILED.value else None
        whole["window"] = self.window.data if condition == Condition.UPTIME.value else None
        return cast("RuleFields", whole)

    def judge(self) -> bool:
        """Tell whether a rule may be so; every fault there is is told at its field."""
        self.validate()
        return self.agree(check_rule(self.fields())[1])

    def aim(self, fault: Refused) -> Refused:
        """Say in people's words what a condition can be compared by."""
        if fault.field != "operator" or self.condition.data not in set(Condition):
            return fault
        offered = ", ".join(how.label for how in Condition(self.condition.data).operators)
        return Invalid("operator", f"Choose one of: {offered}.")


class ChannelForm(OwnedForm):
    """**Create Channel**, and **Save**."""

    noun = "channel"
    compared = ("name", "recipient", "target", "active")

    name = TextField("Name", render_kw={"maxlength": 200})
    type = SelectField("Type", choices=choices(*((each.value, each.label) for each in ChannelType)))
    recipient = RadioField("Recipient", choices=choices(*RECIPIENTS), default="address", validate_choice=False)
    target = TextField("Target", render_kw={"maxlength": 4096, "autocomplete": "off", "spellcheck": "false"})
    active = BooleanField("Active", default=True)

    @classmethod
    def of(cls, channel: Channel) -> "ChannelForm":
        """Return the form for a change, filled with what the channel is; of a URL it holds nothing."""
        is_owners = channel.kind is ChannelType.EMAIL and channel.shown == OWNER
        given: dict[str, Any] = {"name": channel.name, "active": channel.active}
        shown = "" if is_owners or channel.target_sealed else channel.shown
        return cls(formdata=None, data=given | {"target": shown, "recipient": OWNER if is_owners else "address"}).marked()

    def fields(self) -> ChannelFields:
        """Return a whole new channel as it was typed."""
        return {"type": self.type.data, **self._written(self.type.data)}

    def changes(self, channel: Channel) -> ChannelFields:
        """Return what is to be written of a channel: a URL, which is never shown, stays where none was typed."""
        fields = self._written(channel.type)
        if channel.kind is not ChannelType.EMAIL and not (self.target.data or "").strip():
            del fields["target"]
        return fields

    def _written(self, kind: str) -> ChannelFields:
        is_owners = kind == ChannelType.EMAIL.value and self.recipient.data == OWNER
        target = OWNER if is_owners else self.target.data
        return {"name": self.name.data, "target": target, "active": bool(self.active.data)}


class OutageForm(ScopedForm):
    """**Create Planned Outage**, and **Save**."""

    noun = "planned outage"
    compared = ("title", "repeats", "begins", "ends", "scope", "monitor_ids")

    title = TextField("Title", render_kw={"maxlength": 200})
    repeats = SelectField("Repeats", choices=choices(*((each.value, each.label) for each in Repeats)))
    begins = DateTimeLocalField("Start", format=[LOCAL, "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"])
    ends = DateTimeLocalField("End", format=[LOCAL, "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"])

    @classmethod
    def of(cls, outage: PlannedOutage) -> "OutageForm":
        """Return the form for a change, filled with what is planned."""
        chosen = [each.id for each in outage.monitors]
        given: dict[str, Any] = {"scope": "all" if outage.covers_all else "chosen", "monitor_ids": chosen}
        return cls(formdata=None, obj=outage, data=given).marked()

    def validate_begins(self, field: Field) -> None:
        """Keep to a year that calendars have."""
        _check_year(field)

    def validate_ends(self, field: Field) -> None:
        """Keep to a year that calendars have."""
        _check_year(field)

    def judge(self, timezone: str) -> bool:
        """Tell whether an outage may be so; every fault there is is told at its field."""
        self.validate()
        faults = check_outage(self.fields(timezone))
        return self.agree(each for each in faults if each.field != "ends" or not self.begins.errors)

    def fields(self, timezone: str) -> OutageFields:
        """Return the whole planned outage, in a timezone; a time that could not be read is one long past."""
        return {
            "title": self.title.data or "",
            "repeats": self.repeats.data,
            "begins": self.begins.data or datetime.min,  # noqa: DTZ901 - as the wall shows it
            "ends": self.ends.data or datetime.min,  # noqa: DTZ901 - as the wall shows it
            "timezone": timezone,
            "monitor_ids": self.chosen_monitors(),
        }


def _check_year(field: Field) -> None:
    if field.data is None:
        field.errors = []
        raise ValidationError("Choose a day and a time.")
    if not 2000 <= field.data.year <= 2199:
        raise ValidationError("Choose a year from 2000 to 2199.")


def _id(value: Any) -> int:
    text = str(value)
    return int(text) if re.fullmatch(r"[1-9][0-9]{0,17}", text, re.ASCII) else 0
