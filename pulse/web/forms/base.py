"""What all forms share: text that every database can hold, and a model's refusal told at its field."""

from collections.abc import Iterable
from datetime import datetime
from hashlib import blake2s
from textwrap import shorten
from typing import Any, ClassVar, Self, cast

from flask_wtf import FlaskForm
from wtforms import BooleanField, Field, Form, HiddenField, SelectField, StringField
from wtforms.fields.choices import SelectChoice  # pyright: ignore[reportAttributeAccessIssue, reportUnknownVariableType]
from wtforms.validators import StopValidation

from pulse.models.refusals import Conflict, Faults, Refused
from pulse.names import is_storable
from pulse.web import visits

LONGEST_SPOKEN = 120
"""Characters of one field, where it is told what it holds."""


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
    """A form about a thing of a team, which knows what it was opened for.

    Sent when another team is looked at (`web.tabs`), or when the thing was changed meanwhile (`web.overtaken`), it comes back.
    """

    noun: ClassVar[str] = ""
    """What people call the thing."""
    compared: ClassVar[tuple[str, ...]] = ()
    """The fields that show what is stored."""

    seen = HiddenField()
    """A mark of each of them, as the thing was when the form was shown."""

    @property
    def strayed(self) -> str | None:
        """What to tell whoever has switched to another team since."""
        return visits.strayed()

    def validate(self, extra_validators: Any = None) -> bool:
        """Tell whether it may be written, as far as the form itself can say."""
        if self.strayed:
            self.form_errors = [*self.form_errors, self.strayed]
        return super().validate(extra_validators) and not self.form_errors

    def marked(self) -> Self:
        """Return the form, which holds what is stored, with a mark of that."""
        self.seen.data = " ".join(f"{name}:{mark}" for name, mark in self._marks().items())
        return self

    def compare(self, stored: Self) -> None:
        """Raise `Conflict` where somebody else has changed what this form would change back, and take that for seen.

        `stored` is the form as it would be shown now. One without marks is not compared: it was put together by hand.
        """
        sent = (each.partition(":") for each in str(self.seen.data or "").split())
        seen = {name: mark for name, _, mark in sent}
        since = [name for name, mark in stored._marks().items() if seen.get(name, mark) != mark]
        undone = [stored[name] for name in since if self[name].data != stored[name].data]
        self.seen.data = stored.marked().seen.data
        if undone:
            now = "; ".join(f"{field.label.text}: {spoken(field)}" for field in undone)
            raise Conflict(
                f"Somebody has changed this {self.noun} since you opened it, so nothing was saved. It now has {now}."
                " Save again to put what you see below in its place."
            )

    def _marks(self) -> dict[str, str]:
        return {name: _mark(self[name].data) for name in self.compared}


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


def spoken(field: Field) -> str:
    """Return what a field holds, in words and not too many of them."""
    if isinstance(field, BooleanField):
        return "on" if field.data else "off"
    if isinstance(field.data, datetime):
        return f"{field.data.day} {field.data:%b %Y %H:%M}"
    text = str(field.data or "")
    if isinstance(field, SelectField):
        text = ", ".join(str(label) for _, label, is_chosen, *_ in field.iter_choices() if is_chosen) or text.strip("[]")
    return shorten(text, LONGEST_SPOKEN, placeholder=" …") or "nothing"


def _mark(value: Any) -> str:
    # Things that are chosen are the same in any order.
    whole = sorted(cast("list[int]", value)) if isinstance(value, list) else value
    return blake2s(repr(whole).encode(), digest_size=6).hexdigest()


def choices(*pairs: tuple[str, str]) -> Any:
    """Return what a select offers, from values and labels; what WTForms takes for them, its published types do not know yet."""
    return [SelectChoice(value, label) for value, label in pairs]
