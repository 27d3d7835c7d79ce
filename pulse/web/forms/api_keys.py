"""The forms of the API Keys tab."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from wtforms import DateField, Field, IntegerField, SelectField, SelectMultipleField, ValidationError
from wtforms.validators import InputRequired, NumberRange, StopValidation

from pulse.abilities import Ability
from pulse.clock import utcnow
from pulse.db import LARGEST
from pulse.models.api_key import DAYS_BEFORE
from pulse.models.key_fields import LONGEST_LIFE, check_expiry, check_key_name
from pulse.models.refusals import Invalid, Refused
from pulse.web.filters import zone
from pulse.web.forms.base import BaseForm, TextField, choices

SPANS = (
    ("", "No expiration"),
    ("7", "7 days"),
    ("30", "30 days"),
    ("90", "90 days"),
    ("365", "365 days"),
    ("date", "Date"),
)


@dataclass(frozen=True, slots=True)
class Ending:
    """What a choice of **Expires** comes to: the option's value, the moment, and how long before its owner is mailed."""

    choice: str
    at: datetime | None
    mailed: str


def endings() -> list[Ending]:
    """Return what each choice comes to now; of the mails those that lie after the key's beginning."""
    before = [days for days in DAYS_BEFORE if days]
    spans = [int(choice) for choice, _ in SPANS if choice.isdigit()]
    told = [(str(span), utcnow() + timedelta(days=span), [days for days in before if days < span]) for span in spans]
    return [Ending(choice, at, _days(left)) for choice, at, left in [*told, ("date", None, before)]]


def _days(numbers: list[int]) -> str:
    *most, last = map(str, numbers)
    return f"{', '.join(most)} and {last} days" if most else f"{last} day" + ("s" if last != "1" else "")


class CreateForm(BaseForm):
    """**Create API Key**. It names the team it was shown for: another may be looked at by the time it comes back."""

    team_id = TextField("Team")
    name = TextField("Name", render_kw={"maxlength": 200})
    abilities = SelectMultipleField("Permissions", choices=choices(*((ability.value, ability.value) for ability in Ability)))
    expires = SelectField("Expires", choices=choices(*SPANS), default="")
    expires_on = DateField("Date")

    def validate_name(self, field: Field) -> None:
        """Hold the name to the model's rule."""
        try:
            check_key_name(field.data or "")
        except Invalid as error:
            raise ValidationError(str(error)) from error

    def validate_abilities(self, field: Field) -> None:
        """Ask for at least one."""
        if not field.data:
            raise ValidationError("Choose at least one permission.")

    def validate_expires_on(self, field: Field) -> None:
        """Ask for a day, one that the model accepts, where one is to be chosen; elsewhere it counts for nothing."""
        field.errors = []  # what could not be read as a day is told in our words, and only where a day is asked for
        if self.expires.data != "date":
            raise StopValidation
        if field.data is None:
            raise StopValidation("Choose a date.")
        if field.data > utcnow().date() + LONGEST_LIFE:
            raise StopValidation("Choose a day within the next 100 years, or No expiration.")
        try:
            check_expiry(self.expires_at(), utcnow())
        except Invalid as error:
            raise ValidationError(str(error)) from error

    def tell(self, refused: Refused) -> None:
        """Tell what is wrong with the expiry at the day it was made of."""
        if refused.field == "expires_at":
            self.expires_on.errors = [*self.expires_on.errors, str(refused)]
        else:
            super().tell(refused)

    def endings(self) -> list[Ending]:
        """Return what each choice of **Expires** comes to."""
        return endings()

    def earliest(self) -> date:
        """Return the first day that can be chosen: today, for the person."""
        return utcnow().astimezone(zone()).date()

    def expires_at(self) -> datetime | None:
        """Return when the key runs out; a chosen day ends at 24:00 in the person's zone."""
        if self.expires.data == "date" and self.expires_on.data is not None:
            return datetime.combine(self.expires_on.data + timedelta(days=1), time(), zone())
        return utcnow() + timedelta(days=int(self.expires.data)) if self.expires.data else None


class RotateForm(BaseForm):
    """**Rotate Key**: names the token it replaces, so that a stale page cannot rotate twice."""

    token_id = IntegerField("Token", [InputRequired(), NumberRange(1, LARGEST)])


class NarrowForm(BaseForm):
    """**Narrow Key**: the permissions that stay."""

    abilities = SelectMultipleField("Permissions", choices=choices(*((ability.value, ability.value) for ability in Ability)))

    def kept(self) -> list[Ability]:
        """Return what stays."""
        return [Ability(value) for value in self.abilities.data or ()]


class DeleteForm(BaseForm):
    """**Delete Key**: with the name typed, where the key is in use."""

    name = TextField("Type the name to confirm")
