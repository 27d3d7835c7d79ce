"""The forms of the Profile tab."""

from zoneinfo import available_timezones

from wtforms import PasswordField, SelectField

from pulse.models.user import THEMES
from pulse.web.forms.auth import NewPasswordForm, email_field, name_field, typed_password_field
from pulse.web.forms.base import BaseForm, choices

ZONES = sorted(available_timezones() - {"localtime", "Factory"})


class ProfileForm(BaseForm):
    """**Save Changes**. The password is asked for only when the address changes."""

    name = name_field()
    email = email_field()
    password = PasswordField("Password")
    timezone = SelectField("Timezone", choices=choices(*((zone, zone) for zone in ZONES)))
    theme = SelectField("Theme", choices=choices(*((theme, theme.capitalize()) for theme in THEMES)))


class ChangePasswordForm(NewPasswordForm):
    """**Update Password**."""

    current_password = typed_password_field("Current Password")


class DeleteAccountForm(BaseForm):
    """**Delete My Account**."""

    password = typed_password_field()
