"""Teams with people in them, made the way the product makes them."""

from flask import Flask
from sqlalchemy import update

from pulse.extensions import db
from pulse.models.invitation import Invitation
from pulse.models.session import BrowserSession
from pulse.models.team import Membership, Team
from pulse.roles import Role
from tests.factories import Person, join, make_person

ROLES = tuple(Role)


def staff_team(app: Flask, owner: Person) -> dict[Role, Person]:
    """Give the owner's team one of each other role; return who is what."""
    people = {Role.OWNER: owner}
    for role in Role:
        if role is not Role.OWNER:
            people[role] = join(make_person(app, role.label, f"{role.value}@example.com"), owner.team, role)
    return people


def invite(by: Person, email: str, role: Role = Role.MEMBER, team: Team | None = None) -> str:
    """Invite an address into a team, by default that of whoever invites; return the text of the link."""
    sent = Invitation.issue(db.session, team or by.team, email, role, by.actor)
    db.session.commit()
    return sent.token


def look_at(team: Team) -> None:
    """Let every session there is look at a team."""
    db.session.execute(update(BrowserSession).values(team_id=team.id))
    db.session.commit()


def roles_of(team_id: int) -> dict[str, str]:
    """Return the roles in a team by the members' addresses, as they are now."""
    db.session.rollback()
    members = db.session.query(Membership).filter_by(team_id=team_id).all()
    return {each.user.email: each.role_name for each in members}
