"""What all forms share: text that every database can hold, and a model's refusal told at its field."""

from collections.abc import Iterable
from typing import Any

from flask_wtf import FlaskForm
from wtforms import Field, Form, StringField
from wtforms.fields.choices import SelectChoice  # pyright: ignore[reportAttributeAccessIssue, reportUnknownVariableType]
from wtforms.validators import StopValidation

from pulse.models.refusals import Faults, Refused
from pulse.names import is_storable
from pulse.web import visits


class BaseForm(FlaskForm):
    """A form whose proof against forgery was checked by `web.enter` before anything was read."""

    class Meta(FlaskForm.Meta):
        csrf = False

    def tell(self, refused: Refused) -> None:
        """Put a rule's refusal where the person looks: each fault at its field, else on top of the form."""
        for fault in map(self.aim, refused.faults if isinstance(refused, Faults) else (refused,)):
            field = self._fields.get(fault.field or "")
            if field is None:
                self.form_errors = [*self.form_errors, str(fault)]
            else:
                field.errors = [*field.errors, str(fault)]

    def aim(self, fault: Refused) -> Refused:
        """Return a fault for the field and in the words of this form."""
        return fault


class OwnedForm(BaseForm):
    """A form about a thing of the team it was opened in; sent when another is looked at, it comes back (`web.tabs`)."""

    @property
    def strayed(self) -> str | None:
        """What to tell whoever has switched to another team since."""
        return visits.strayed()

    def validate(self, extra_validators: Any = None) -> bool:
        """Tell whether it may be written, as far as the form itself can say."""
        if self.strayed:
            self.form_errors = [*self.form_errors, self.strayed]
        return super().validate(extra_validators) and not self.form_errors


class Readable:
    """Refuses text that no database and no mail can hold: NUL and lone surrogates."""

    def __call__(self, _form: Form, field: Field) -> None:
        """Raise what is wrong with the field's text."""
        if not is_storable(field.data or ""):
            raise StopValidation("This has characters that cannot be stored. Type it again.")


class TextField(StringField):
    """A line of text."""

    def __init__(self, label: str, validators: Iterable[Any] = (), **options: Any) -> None:
        super().__init__(label, [Readable(), *validators], **options)


def choices(*pairs: tuple[str, str]) -> Any:
    """Return what a select offers, from values and labels; what WTForms takes for them, its published types do not know yet."""
    return [SelectChoice(value, label) for value, label in pairs]
