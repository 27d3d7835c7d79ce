"""Who manages whom in a team: roles are changed, members removed, teams left, handed over and ended.

Every act holds the team first, so that those of one team happen one by one, and judges anew who acts: a role that was
taken away meanwhile counts for nothing.
"""

from pulse.db import DbSession
from pulse.models import team_mail
from pulse.models.event import About, Actor, Event
from pulse.models.name import check_name
from pulse.models.refusals import Conflict, Invalid, RoleRequired
from pulse.models.team import Membership, Team
from pulse.roles import Role

GONE = "This person is no longer a member of the team."
OWNED = "The Owner can only be changed with Transfer Ownership."


def acting(session: DbSession, team: Team, by: Actor) -> Membership:
    """Hold the team, and return the place of whoever acts there; raises `RoleRequired` when there is none any more."""
    team.hold(session)
    place = Membership.locked(session, by.user_id or 0, team.id)
    if place is None:
        raise RoleRequired("You are no longer a member of this team.", "none")
    return place


def must_manage(session: DbSession, team: Team, by: Actor) -> None:
    """Hold the team, and refuse whoever does not manage its people."""
    role = acting(session, team, by).effective_role(session)
    if not role.manages_people:
        raise RoleRequired(f"Your role, {role.label}, cannot manage people. Ask the team's Owner or an Admin.", role.value)


def must_own(session: DbSession, team: Team, by: Actor) -> Membership:
    """Hold the team, and return the Owner's place; refuses everybody else."""
    place = acting(session, team, by)
    if not place.role.owns:
        raise RoleRequired("Only the team's Owner can do this. Ask them.", place.role.value)
    return place


def rename(session: DbSession, team: Team, name: str, by: Actor) -> None:
    """Give the team another name; raises `Invalid` and `RoleRequired`."""
    wanted = check_name(name)
    must_manage(session, team, by)
    if wanted != team.name:
        was, team.name = team.name, wanted
        Event.record(session, "team.renamed", by, About(by.user_id, team.id, detail={"from": was, "name": wanted}))


def change_role(session: DbSession, member: Membership, role: Role, by: Actor) -> None:
    """Give a member another role; raises `Invalid`, `Conflict` and `RoleRequired`."""
    if not role.can_be_granted:
        raise Invalid("role", OWNED)
    must_manage(session, member.team, by)
    held = _held(session, member)
    if role is not held.role:
        detail = {"from": held.role_name, "to": role.value}
        held.role_name = role.value
        Event.record(session, "member.changed", by, About(held.user_id, held.team_id, detail=detail))
        team_mail.role_changed(session, held, Role(detail["from"]).label, by)
        session.flush()


def remove(session: DbSession, member: Membership, by: Actor) -> None:
    """End somebody's membership, and with it all that their keys of this team reach, at once.

    Raises `Conflict` for the Owner and for who is gone already, and `RoleRequired`.
    """
    must_manage(session, member.team, by)
    held = _held(session, member)
    if held.user_id != by.user_id:
        team_mail.removed(session, held, by)
    _end(session, held, "member.removed", by)


def leave(session: DbSession, member: Membership, by: Actor) -> None:
    """End one's own membership; raises `Conflict` for the Owner."""
    member.team.hold(session)
    _end(session, _held(session, member), "member.left", by)


def hand_over(session: DbSession, to: Membership, by: Actor) -> None:
    """Make another member the Owner, and the Owner an Admin; raises `Conflict` and `RoleRequired`."""
    team = to.team
    owner = must_own(session, team, by)
    heir = session.get(Membership, to.id, with_for_update=True, populate_existing=True)
    if heir is None:
        raise Conflict(GONE)
    if heir is owner:
        raise Conflict("You already own this team. Choose someone else.")
    # One after the other: at no moment does the database let a team have two.
    owner.role_name = Role.ADMIN.value
    session.flush()
    heir.role_name = Role.OWNER.value
    for each in (owner, heir):
        detail = {"name": team.name, "from": owner.user_id, "to": heir.user_id}
        Event.record(session, "team.transferred", by, About(each.user_id, team.id, detail=detail))
    team_mail.handed_over(session, owner, heir, by)
    session.flush()


def delete_team(session: DbSession, team: Team, by: Actor) -> None:
    """Remove the team with its monitors, incidents, invitations and keys; raises `RoleRequired` for all but its Owner."""
    must_own(session, team, by)
    members = session.query(Membership).filter_by(team_id=team.id).order_by(Membership.id).with_for_update().all()
    for each in members:
        # In every member's own trail, for the team's goes with it.
        Event.record(session, "team.deleted", by, About(each.user_id, detail={"team": team.id, "name": team.name}))
        team_mail.deleted(session, each, by)
    session.flush()
    session.delete(team)
    session.flush()


def _end(session: DbSession, held: Membership, action: str, by: Actor) -> None:
    about = About(held.user_id, held.team_id, detail={"name": held.team.name, "role": held.role_name})
    Event.record(session, action, by, about)
    session.delete(held)
    session.flush()


def _held(session: DbSession, member: Membership) -> Membership:
    """Return the membership as it is now, held; raises `Conflict` when it has ended, or is the Owner's."""
    held = session.get(Membership, member.id, with_for_update=True, populate_existing=True)
    if held is None:
        raise Conflict(GONE)
    if held.role.owns:
        raise Conflict(OWNED)
    return held
