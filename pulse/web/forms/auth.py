"""The forms of signing up, signing in, and setting a forgotten password."""

from collections.abc import Callable

from wtforms import Field, Form, PasswordField, ValidationError
from wtforms.validators import InputRequired, Length, StopValidation

from pulse.models.email import LONGEST_EMAIL, check_email
from pulse.models.name import check_name
from pulse.models.refusals import Invalid
from pulse.passwords import LONGEST, fault
from pulse.web.forms.base import BaseForm, TextField

TOO_LONG = f"Use at most {LONGEST_EMAIL} characters."


class Rule:
    """Holds a field to a rule of a model's, which returns the text to store or raises `Invalid`."""

    def __init__(self, check: Callable[[str], str]) -> None:
        self._check = check

    def __call__(self, _form: Form, field: Field) -> None:
        """Raise what is wrong with the field's text."""
        try:
            self._check(field.data or "")
        except Invalid as error:
            raise StopValidation(str(error)) from error


def name_field() -> TextField:
    """Return the field for a person's name."""
    return TextField("Name", [Rule(check_name)], render_kw={"maxlength": 200})


def email_field() -> TextField:
    """Return the field for an e-mail address."""
    return TextField("Email", [Rule(check_email)], render_kw={"maxlength": LONGEST_EMAIL})


def typed_password_field(label: str = "Password") -> PasswordField:
    """Return the field for a password that is to be checked; one longer than any is refused before it is hashed."""
    longest = Length(max=LONGEST, message=f"Use at most {LONGEST:,} characters.")
    return PasswordField(label, [InputRequired("Enter your password."), longest])


def chosen_password_field(label: str = "Password") -> PasswordField:
    """Return the field for a password that is to be set."""
    return PasswordField(label, [_is_good])


def _is_good(_form: Form, field: Field) -> None:
    if (wrong := fault(field.data or "")) is not None:
        raise StopValidation(wrong)


class SignUpForm(BaseForm):
    """**Create Account**."""

    name = name_field()
    email = email_field()
    password = chosen_password_field()


class InvitedForm(BaseForm):
    """**Create Account** of somebody whose address an invitation has proved."""

    name = name_field()
    password = chosen_password_field()


class SignInForm(BaseForm):
    """**Sign In**."""

    email = TextField("Email", [InputRequired("Enter your email address."), Length(max=LONGEST_EMAIL, message=TOO_LONG)])
    password = typed_password_field()


class ForgotPasswordForm(BaseForm):
    """**Send Reset Link**."""

    email = email_field()


class NewPasswordForm(BaseForm):
    """**New Password**, **Confirm Password**."""

    new_password = chosen_password_field("New Password")
    confirm_password = PasswordField("Confirm Password")

    def validate_confirm_password(self, field: Field) -> None:
        """Hold it to the same text."""
        if field.data != self.new_password.data:
            raise ValidationError("This is not the same password. Type it again.")
