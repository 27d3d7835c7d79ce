"""The form that narrows a monitor's history; it is sent by GET, so that what it finds has an address."""

from datetime import UTC, datetime
from typing import Any

from wtforms import DateTimeLocalField, SelectField

from pulse.models.check import CheckType, Status
from pulse.web.filters import zone
from pulse.web.forms.base import BaseForm, choices


class MomentField(DateTimeLocalField):
    """A time as the person's clock shows it."""

    def process_formdata(self, valuelist: list[Any]) -> None:
        """Read it; empty is none."""
        self.data = None
        if not valuelist or not str(valuelist[0]).strip():
            return
        try:
            super().process_formdata(valuelist)
        except ValueError as error:
            raise ValueError("Enter a date and a time, such as 2026-11-23 14:30.") from error

    @property
    def moment(self) -> datetime | None:
        """The time, aware, in UTC; None where there is none, or none that a calendar has."""
        if self.data is None or self.errors:
            return None
        try:
            return self.data.replace(tzinfo=zone()).astimezone(UTC)
        except OverflowError:
            return None


class ChoiceField(SelectField):
    """One of a few, or any."""

    def __init__(self, label: str, *pairs: tuple[str, str], **options: Any) -> None:
        options["validate_choice"] = False
        super().__init__(label, choices=choices(("", "Any"), *pairs), default="", **options)

    def post_validate(self, form: Any, validation_stopped: bool) -> None:  # noqa: ARG002 - WTForms' signature
        """Take what is not offered for any."""
        if self.data not in {value for value, *_ in self.iter_choices()}:
            self.data = ""


class HistoryForm(BaseForm):
    """**Filter**."""

    status = ChoiceField("Result", (Status.UP.value, "Up"), (Status.DOWN.value, "Down"))
    type = ChoiceField("Type", (CheckType.SCHEDULED.value, "Scheduled"), (CheckType.MANUAL.value, "Manual"))
    since = MomentField("From", format=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d"])
    until = MomentField("Until", format=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d"])

    @property
    def chosen(self) -> dict[str, Any]:
        """What to look for, as `Check.of` takes it."""
        return {
            "status": self.status.data or None,
            "type": self.type.data or None,
            "since": self.since.moment,
            "until": self.until.moment,
        }

    @property
    def kept(self) -> dict[str, str]:
        """What belongs into the addresses of the same list."""
        given = {name: self[name].raw_data for name in ("status", "type", "since", "until")}
        return {name: str(values[0]) for name, values in given.items() if values and values[0]}
