"""The team over the API: its members and their roles, and invitations."""

from typing import Annotated, Any

from flask import Blueprint
from pydantic import AfterValidator
from sqlalchemy import select

from pulse import account_mail
from pulse.abilities import Ability
from pulse.api.auth import caller, team
from pulse.api.operations import Reply, created, operation
from pulse.api.pages import PageQuery, Record, fetched_one, newest_first
from pulse.api.schemas import In, Moment, Out, Page, Text, documented, one_of
from pulse.clock import utcnow
from pulse.extensions import db
from pulse.models import people
from pulse.models.email import LONGEST_EMAIL, check_email
from pulse.models.invitation import Invitation
from pulse.models.refusals import Invalid
from pulse.models.team import Membership
from pulse.models.user import User
from pulse.problems import Problem, found
from pulse.roles import GRANTED, Role

bp = Blueprint("api_team", __name__)

MEMBERS = select(
    Membership.id,
    Membership.role_name.label("role"),
    Membership.joined_at,
    User.id.label("user_id"),
    User.name,
    User.email,
).join(User, User.id == Membership.user_id)
INVITATIONS = select(Invitation.id, Invitation.email, Invitation.role_name.label("role"), Invitation.expires_at)


def _address(text: str) -> str:
    try:
        return check_email(text)
    except Invalid as fault:
        raise ValueError(str(fault)) from fault


def _grantable(text: str) -> str:
    if text not in {role.value for role in GRANTED}:
        raise ValueError(f"Choose one of {', '.join(role.value for role in GRANTED)}.")
    return text


GrantedRole = Annotated[Text, AfterValidator(_grantable), documented(enum=[role.value for role in GRANTED])]


class PersonOut(Out):
    """A person, by id, name and email address."""

    id: int
    name: str
    email: str


class MemberOut(Out):
    """A person's membership in the team."""

    id: int
    user: PersonOut
    role: Annotated[str, one_of(Role)]
    joined_at: Moment


class MemberChange(In):
    """A member's new role."""

    role: GrantedRole


class InvitationIn(In):
    """Whom to invite, and as what."""

    email: Annotated[Text, AfterValidator(_address), documented(format="email", maxLength=LONGEST_EMAIL)]
    role: GrantedRole


class InvitationOut(Out):
    """A seat in the team, reserved for an address until the invitation expires."""

    id: int
    email: str
    role: Annotated[str, one_of(Role)]
    expires_at: Moment


@operation(bp, "GET", "/members", ability=Ability.TEAM_READ, query=PageQuery, reply=Page[MemberOut])
def members(query: PageQuery) -> Reply:
    """List the team's members, newest first."""
    listed = MEMBERS.where(Membership.team_id == caller().team_id)
    return newest_first(listed, query, Membership.id, shape=told)


@operation(bp, "GET", "/members/<id:member_id>", ability=Ability.TEAM_READ, reply=MemberOut)
def member(member_id: int) -> dict[str, Any]:
    """Read a member."""
    return told(fetched_one(MEMBERS.where(Membership.id == member_id, Membership.team_id == caller().team_id)))


@operation(
    bp,
    "PATCH",
    "/members/<id:member_id>",
    ability=Ability.TEAM_WRITE,
    body=MemberChange,
    reply=MemberOut,
    problems=("role_required",),
)
def change_role(member_id: int, body: MemberChange) -> dict[str, Any]:
    """Change a member's role. Ownership can be transferred only in the browser."""
    changed = find_member(member_id)
    people.change_role(db.session, changed, Role(body.role), caller().actor())
    user = {"id": changed.user_id, "name": changed.user.name, "email": changed.user.email}
    return {"id": changed.id, "user": user, "role": changed.role_name, "joined_at": changed.joined_at}


@operation(bp, "DELETE", "/members/<id:member_id>", ability=Ability.TEAM_WRITE)
def remove(member_id: int) -> None:
    """Remove a member; their keys for this team stop working at once. The Owner cannot be removed."""
    people.remove(db.session, find_member(member_id), caller().actor())


@operation(bp, "GET", "/invitations", ability=Ability.TEAM_READ, query=PageQuery, reply=Page[InvitationOut])
def invitations(query: PageQuery) -> Reply:
    """List the team's pending invitations, newest first."""
    return newest_first(waiting(), query, Invitation.id)


@operation(
    bp,
    "POST",
    "/invitations",
    ability=Ability.TEAM_WRITE,
    body=InvitationIn,
    reply=InvitationOut,
    status=201,
    problems=("limit_reached",),
    headers=("Location",),
)
def invite(body: InvitationIn) -> Reply:
    """Invite an address to the team by email; the link works once, for seven days."""
    sent = Invitation.issue(db.session, team(), body.email, Role(body.role), caller().actor())
    account_mail.queue_invitation(sent)
    made = sent.invitation
    written = {"id": made.id, "email": made.email, "role": made.role_name, "expires_at": made.expires_at}
    return created(written, f"/invitations/{made.id}")


@operation(bp, "GET", "/invitations/<id:invitation_id>", ability=Ability.TEAM_READ, reply=InvitationOut)
def invitation(invitation_id: int) -> Any:
    """Read a pending invitation."""
    return fetched_one(waiting().where(Invitation.id == invitation_id))


@operation(bp, "DELETE", "/invitations/<id:invitation_id>", ability=Ability.TEAM_WRITE)
def revoke(invitation_id: int) -> None:
    """Revoke an invitation; its link stops working at once."""
    sent = found(Invitation.get(db.session, caller().team_id, invitation_id))
    if sent.expired:
        raise Problem("not_found")
    sent.revoke(db.session, caller().actor())


def waiting() -> Any:
    """Return the query for the team's invitations that have not run out."""
    return INVITATIONS.where(Invitation.team_id == caller().team_id, Invitation.expires_at > utcnow())


def find_member(member_id: int) -> Membership:
    """Return the team's member, or answer 404."""
    query = select(Membership).where(Membership.id == member_id, Membership.team_id == caller().team_id)
    return found(db.session.scalar(query))


def told(row: Record) -> dict[str, Any]:
    """Return what is told of a member."""
    user = {"id": row["user_id"], "name": row["name"], "email": row["email"]}
    return {"id": row["id"], "user": user, "role": row["role"], "joined_at": row["joined_at"]}
