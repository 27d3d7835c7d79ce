"""The Organization page as it is drawn: after an act, after a refusal, and behind a dialog."""

from typing import Any

from flask import Response
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from pulse.extensions import db
from pulse.htmx import render
from pulse.models.invitation import Invitation, Seats
from pulse.models.team import Membership, only_reading
from pulse.roles import GRANTED
from pulse.web import visits
from pulse.web.forms.organization import InviteForm, RenameForm

PAGE, PANEL = "organization/index.html", "organization/_panel.html"
REMOVE, LEAVE = "organization/_remove.html", "organization/_leave.html"
TRANSFER, DELETE = "organization/_transfer.html", "organization/_delete.html"


def panel(status: int = 200, **refused: Any) -> Response:
    """Answer the page; a form that was refused (`rename_form`, `invite_form`) comes back as it was filled in."""
    return render(PAGE, PANEL, status, **shown(**refused))


def dialog(template: str, status: int = 200, **context: Any) -> Response:
    """Answer a dialog: by itself to htmx, else open on the page."""
    return render(PAGE, template, status, dialog=template, **shown(), **context)


def members() -> list[Membership]:
    """Return the members of the team, the first joined first."""
    query = select(Membership).where(Membership.team_id == visits.team().id).order_by(Membership.id)
    return list(db.session.scalars(query.options(joinedload(Membership.user))))


def heirs() -> list[tuple[str, str]]:
    """Return the members that the team can be handed over to: ids and names."""
    return [(str(each.id), f"{each.user.name} ({each.user.email})") for each in members() if not each.role.owns]


def shown(rename_form: RenameForm | None = None, invite_form: InviteForm | None = None) -> dict[str, Any]:
    """Return what the page shows: always the committed state."""
    team, everybody = visits.team(), members()
    return {
        "place": visits.membership(),
        "members": everybody,
        "only_reading": only_reading(everybody, team.plan),
        "granted": GRANTED,
        "seats": Seats.of(db.session, team),
        "invitations": Invitation.of_team(db.session, team.id),
        "rename_form": rename_form or RenameForm(formdata=None, obj=team),
        "invite_form": invite_form or InviteForm(formdata=None),
    }
