"""What the link of an invitation opens: a place in a team, for whoever has that address.

Opening it changes nothing, for mail scanners open links too; its page has a button that does.
"""

from typing import Any

from flask import Blueprint, Response, flash, request, url_for

from pulse.extensions import db, services
from pulse.htmx import go
from pulse.logs import log
from pulse.models.invitation import Invitation
from pulse.models.refusals import Conflict, Refused
from pulse.models.team import Membership
from pulse.models.user import User
from pulse.tracing import request_id
from pulse.web import attempts, known, refusal, visits
from pulse.web.forms.auth import InvitedForm
from pulse.web.gate import page

bp = Blueprint("invitations", __name__, url_prefix="/invitations")

GONE = 410


@bp.get("/<secret:token>")
def show(token: str) -> Response:
    """Show who invites whom where, and the way in: **Join**, Sign In, or **Create Account**."""
    visits.only_read()
    return drawn(token)


@bp.post("/<secret:token>")
def accept(token: str) -> Response:
    """Join the team; the invitation is used up. Whoever has no account makes one with the same button."""
    return _join(token) if visits.is_signed_in() else _create_account(token)


def drawn(token: str, status: int = 200, form: InvitedForm | None = None, error: str = "") -> Response:
    """Answer the page as it is for whoever looks at it."""
    invitation = Invitation.find(db.session, token)
    if invitation is None:
        return page("invitation_ended", status=GONE)
    context: dict[str, Any] = {"invitation": invitation, "state": _state(invitation), "error": error, "here": request.path}
    return page("invitation", form or InvitedForm(formdata=None), status, **context)


def _state(invitation: Invitation) -> str:
    if visits.is_signed_in():
        return "join" if visits.user().email_folded == invitation.email_folded else "other"
    return "known" if User.by_email(db.session, invitation.email) else "new"


def _join(token: str) -> Response:
    invitation = Invitation.find(db.session, token)
    if invitation is None:
        return page("invitation_ended", status=GONE)
    try:
        member = invitation.accept(db.session, visits.user(), visits.actor())
    except Conflict:
        visits.only_read()
        return page("invitation_ended", status=GONE)
    except Refused as refused:
        visits.only_read()
        return drawn(token, 403, error=str(refused))
    return _welcome(member)


def _create_account(token: str) -> Response:
    visits.only_read()
    form, shown = InvitedForm(), drawn(token)
    if shown.status_code == GONE or form.name.raw_data is None:
        return shown
    if not form.validate():
        return drawn(token, 422, form)
    try:
        attempts.count_sign_up()
        password_hash = services().passwords.hash(form.password.data or "")
        member = _new_member(token, form, password_hash)
    except Refused as refused:
        return refusal.refuse(form, refused, lambda status: drawn(token, status, form))
    return _welcome(member)


def _new_member(token: str, form: InvitedForm, password_hash: str) -> Membership:
    """Make the account, its own team, and the place that is waiting; the mail has proved the address."""
    invitation = Invitation.find(db.session, token)
    if invitation is None:
        raise Conflict("This invitation is no longer valid.")
    plan = services().settings.signup_plan
    chosen = {"name": form.name.data or "", "email": invitation.email, "password_hash": password_hash}
    user = User.sign_up(db.session, **chosen, plan=plan, by=visits.actor())
    member = invitation.accept(db.session, user, visits.actor(user))
    visits.sign_in(user)
    known.remember(user.id)
    log.info("signed_up", request_id=request_id(), user=user.id)
    return member


def _welcome(member: Membership) -> Response:
    name = member.team.name
    visits.look_at(member.team_id)
    db.session.commit()
    flash(f"You are now a member of {name}.")
    return go(url_for("monitors.index"))
