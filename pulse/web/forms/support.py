"""The forms of the support pages."""

from wtforms import PasswordField, SelectField, ValidationError
from wtforms.validators import Length

from pulse.names import InvalidName, clean
from pulse.plans import Plan
from pulse.web.forms.base import BaseForm, TextField, choices

LONGEST_REASON = 500
LONGEST_SOUGHT = 500


class ConfirmForm(BaseForm):
    """**Password**, **Continue**."""

    password = PasswordField("Password", render_kw={"autocomplete": "current-password"})


class FindForm(BaseForm):
    """The one search box."""

    sought = TextField(
        "Email, key name, last 8 characters, key id, request id or token",
        [Length(max=LONGEST_SOUGHT, message=f"Use at most {LONGEST_SOUGHT} characters.")],
        render_kw={"autocomplete": "off", "spellcheck": "false"},
    )


class ReasonForm(BaseForm):
    """An act on somebody's account, and why: both are shown to its owner."""

    reason = TextField("Reason", render_kw={"maxlength": LONGEST_REASON, "autocomplete": "off"})

    def validate_reason(self, field: TextField) -> None:
        """Ask for a reason that can be read."""
        try:
            field.data = clean(field.data or "", LONGEST_REASON)
        except InvalidName as error:
            raise ValidationError(str(error).replace("a name", "a reason")) from error


class PlanForm(ReasonForm):
    """**Change Plan**."""

    plan = SelectField("Plan", choices=choices(*((plan.value, plan.label) for plan in Plan)))
