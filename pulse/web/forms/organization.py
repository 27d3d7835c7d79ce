"""The forms of the Organization page."""

from wtforms import SelectField
from wtforms.validators import InputRequired

from pulse.models.name import check_name
from pulse.roles import GRANTED, Role
from pulse.web.forms.auth import Rule, email_field, typed_password_field
from pulse.web.forms.base import BaseForm, TextField, choices

ROLES = choices(*((role.value, role.label) for role in GRANTED))


class TeamForm(BaseForm):
    """A form that names the team it was shown for: another may be looked at by the time it comes back."""

    team_id = TextField("Team")


class RenameForm(TeamForm):
    """**Save Changes**."""

    name = TextField("Team Name", [Rule(check_name)], render_kw={"maxlength": 200})


class InviteForm(TeamForm):
    """**Send Invitation**."""

    email = email_field()
    role = SelectField("Role", choices=ROLES, default=Role.MEMBER.value)


class RoleForm(BaseForm):
    """Another role for a member."""

    role = SelectField("Role", choices=ROLES)


class TransferForm(TeamForm):
    """**Transfer Ownership** to one of `heirs`, who are pairs of a member's id and name."""

    member_id = SelectField("New Owner", [InputRequired("Choose the new Owner.")])
    password = typed_password_field()

    def offer(self, heirs: list[tuple[str, str]]) -> None:
        """Say who can be chosen."""
        self.member_id.choices = choices(("", "Choose a member"), *heirs)


class DeleteTeamForm(TeamForm):
    """**Delete Team**."""

    password = typed_password_field()
