"""The Organization page: the team's name, its members and their roles, invitations, and the end of a membership or the team."""

from flask import Blueprint, Response, abort, flash, request, url_for
from flask_login import login_required

from pulse import account_mail
from pulse.extensions import db
from pulse.htmx import go, wants_fragment
from pulse.models import people
from pulse.models.invitation import Invitation, Sent
from pulse.models.refusals import Conflict, Refused
from pulse.models.team import Membership
from pulse.roles import Role
from pulse.web import destinations, visits
from pulse.web.forms.organization import DeleteTeamForm, InviteForm, RenameForm, RoleForm, TeamForm, TransferForm
from pulse.web.organization_page import DELETE, LEAVE, REMOVE, TRANSFER, dialog, heirs, panel
from pulse.web.proofs import hold, prove
from pulse.web.refusal import refuse

bp = Blueprint("organization", __name__, url_prefix="/organization")


@bp.get("")
@login_required
def index() -> Response:
    """Show the page."""
    return panel()


@bp.post("/switch")
@login_required
def switch() -> Response:
    """Look at another of the person's teams from now on, in this session, and there at the page that was asked for."""
    chosen = next((each.team for each in visits.memberships() if str(each.team_id) == request.form.get("team_id")), None)
    if chosen is None:
        abort(404)
    visits.look_at(chosen.id)
    db.session.commit()
    return go(destinations.local(request.form.get("next")))


@bp.get("/<any(name, invitations):_part>")
@login_required
def part(_part: str) -> Response:
    """Lead to the page, where the forms are that a reload would ask for."""
    return go(url_for(".index"))


@bp.post("/name")
@login_required
def rename() -> Response:
    """Give the team another name."""
    form = RenameForm()
    if not form.validate():
        return panel(422, rename_form=form)
    try:
        people.rename(db.session, visits.still_at(form.team_id.data), form.name.data or "", visits.actor())
    except Conflict as refused:
        return refuse(form, refused, lambda status: panel(status, rename_form=form))
    db.session.commit()
    flash("The team's name was changed.")
    # The whole page anew: the name stands beside the panel, too.
    return go(url_for(".index"))


# --- members ---------------------------------------------------------------------------------------------------


@bp.post("/members/<id:member_id>/role")
@login_required
def change_role(member_id: int) -> Response:
    """Give a member another role, which holds for their keys from the next request on."""
    member, form = find_member(member_id), RoleForm()
    if not form.validate():
        abort(400)
    people.change_role(db.session, member, Role(form.role.data), visits.actor())
    name, role = member.user.name, member.role.label
    db.session.commit()
    flash(f"{name} now has the role {role}.")
    return done()


@bp.get("/members/<id:member_id>/remove")
@login_required
def confirm_remove(member_id: int) -> Response:
    """Ask before a member is removed."""
    return dialog(REMOVE, member=find_member(member_id))


@bp.post("/members/<id:member_id>/remove")
@login_required
def remove(member_id: int) -> Response:
    """Remove a member, whose keys of this team stop at once."""
    member = find_member(member_id)
    name = member.user.name
    people.remove(db.session, member, visits.actor())
    db.session.commit()
    flash(f"{name} was removed. Their API keys for this team stopped working.")
    return done()


@bp.get("/leave")
@login_required
def confirm_leave() -> Response:
    """Ask before the person leaves."""
    return dialog(LEAVE)


@bp.post("/leave")
@login_required
def leave() -> Response:
    """Leave the team."""
    team = visits.still_at(TeamForm().team_id.data)
    name = team.name
    people.leave(db.session, visits.membership(), visits.actor())
    db.session.commit()
    flash(f"You left {name}. Your API keys for that team stopped working.")
    return go(url_for("monitors.index"))


# --- invitations -----------------------------------------------------------------------------------------------


@bp.post("/invitations")
@login_required
def invite() -> Response:
    """Mail an invitation."""
    form = InviteForm()
    if not form.validate():
        return panel(422, invite_form=form)
    try:
        team = visits.still_at(form.team_id.data)
        sent = Invitation.issue(db.session, team, form.email.data or "", Role(form.role.data), visits.actor())
    except Refused as refused:
        return refuse(form, refused, lambda status: panel(status, invite_form=form))
    return _mailed(sent)


@bp.post("/invitations/<id:invitation_id>/resend")
@login_required
def resend(invitation_id: int) -> Response:
    """Mail a new link; the one before is dead."""
    sent = find_invitation(invitation_id).resend(db.session, visits.actor())
    return _mailed(sent)


@bp.post("/invitations/<id:invitation_id>/revoke")
@login_required
def revoke(invitation_id: int) -> Response:
    """Take an invitation back; its link is dead."""
    invitation = find_invitation(invitation_id)
    email = invitation.email
    invitation.revoke(db.session, visits.actor())
    db.session.commit()
    flash(f"The invitation for {email} was revoked. Its link stopped working.")
    return done()


# --- the team itself -------------------------------------------------------------------------------------------


@bp.get("/transfer")
@login_required
def confirm_transfer() -> Response:
    """Ask whom the team is to belong to, and for the password."""
    form = TransferForm(formdata=None)
    form.offer(heirs())
    return dialog(TRANSFER, form=form)


@bp.post("/transfer")
@login_required
def transfer() -> Response:
    """Make another member the Owner; the person stays as an Admin."""
    form = TransferForm()
    form.offer(heirs())
    if not form.validate():
        return dialog(TRANSFER, 422, form=form)
    try:
        hold(prove(form.password.data or "", "password"))
        visits.still_at(form.team_id.data)
        heir = find_member(int(form.member_id.data))
        people.hand_over(db.session, heir, visits.actor())
    except Refused as refused:
        return refuse(form, refused, lambda status: dialog(TRANSFER, status, form=form))
    name, team = heir.user.name, heir.team.name
    db.session.commit()
    flash(f"{team} now belongs to {name}. You are now an Admin.")
    return done()


@bp.get("/delete")
@login_required
def confirm_delete() -> Response:
    """Ask for the password before the team goes."""
    return dialog(DELETE, form=DeleteTeamForm(formdata=None))


@bp.post("/delete")
@login_required
def delete() -> Response:
    """Delete the team with all that is its own, at once."""
    form = DeleteTeamForm()
    if not form.validate():
        return dialog(DELETE, 422, form=form)
    try:
        hold(prove(form.password.data or "", "password"))
        team = visits.still_at(form.team_id.data)
        name = team.name
        people.delete_team(db.session, team, visits.actor())
    except Refused as refused:
        return refuse(form, refused, lambda status: dialog(DELETE, status, form=form))
    db.session.commit()
    flash(f"{name} was deleted.")
    return go(url_for("monitors.index"))


# --- steps -----------------------------------------------------------------------------------------------------


def find_member(member_id: int) -> Membership:
    """Return a member of the team, or answer 404."""
    found = db.session.get(Membership, member_id)
    return found if found is not None and found.team_id == visits.team().id else abort(404)


def find_invitation(invitation_id: int) -> Invitation:
    """Return an invitation of the team, or answer 404."""
    return Invitation.get(db.session, visits.team().id, invitation_id) or abort(404)


def done() -> Response:
    """Answer the page after an act: the panel redrawn from what was committed, or the page anew."""
    if not wants_fragment():
        return go(url_for(".index"))
    visits.only_read()
    return panel()


def _mailed(sent: Sent) -> Response:
    email = sent.invitation.email
    account_mail.queue_invitation(sent)
    db.session.commit()
    flash(f"An invitation is on its way to {email}. It works once, for seven days.")
    return done()
