"""People and their things, made the way the product makes them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import Flask

from pulse.abilities import Ability
from pulse.clock import utcnow
from pulse.extensions import db, services
from pulse.models.api_key import ApiKey, Issued
from pulse.models.event import OPERATOR, Actor, ActorKind
from pulse.models.team import Membership, Team
from pulse.models.user import User
from pulse.plans import Plan
from pulse.roles import Role

PASSWORD = "correct horse battery"


@dataclass(frozen=True)
class Person:
    """A user and the team made at sign-up; ids, so that a test's session may come and go."""

    user_id: int
    team_id: int
    email: str
    password: str = PASSWORD

    @property
    def user(self) -> User:
        """The row as it is now."""
        return db.session.get_one(User, self.user_id)

    @property
    def team(self) -> Team:
        """The row as it is now."""
        return db.session.get_one(Team, self.team_id)

    @property
    def actor(self) -> Actor:
        """The person as the one who acts."""
        return Actor(ActorKind.USER, self.user_id)

    def membership(self, team_id: int | None = None) -> Membership:
        """Return the person's place in a team; in the own one by default."""
        return next(each for each in self.user.memberships if each.team_id == (team_id or self.team_id))

    def make_staff(self) -> None:
        """Let the person be support staff."""
        self.user.grant_staff(db.session, OPERATOR)
        db.session.commit()

    def set_plan(self, plan: Plan) -> None:
        """Put the person's team on `plan`."""
        self.team.change_plan(db.session, plan, OPERATOR)
        db.session.commit()


def make_person(app: Flask, name: str, email: str, plan: Plan = Plan.PROFESSIONAL) -> Person:
    """Sign somebody up."""
    with app.app_context():
        password_hash = services().passwords.hash(PASSWORD)
    user = User.sign_up(db.session, name=name, email=email, password_hash=password_hash, plan=plan, by=OPERATOR)
    person = Person(user.id, user.memberships[0].team_id, email)
    # Nothing is read after the commit: on SQLite a transaction left open would lock out the servers of other tests.
    db.session.commit()
    return person


def join(person: Person, team: Team, role: Role = Role.MEMBER) -> Person:
    """Make the person a member of another's team."""
    db.session.add(Membership(user=person.user, team=team, role_name=role.value, joined_at=utcnow()))
    db.session.commit()
    return person


def make_key(
    person: Person,
    *abilities: Ability,
    name: str = "CI/CD Pipeline",
    team_id: int | None = None,
    expires_in: timedelta | None = None,
) -> Issued:
    """Issue a key for the person; with every ability, if none is named."""
    expires_at: datetime | None = utcnow() + expires_in if expires_in else None
    chosen: Iterable[Ability] = abilities or tuple(Ability)
    issued = ApiKey.issue(
        db.session, person.membership(team_id), name=name, abilities=chosen, expires_at=expires_at, by=person.actor
    )
    db.session.commit()
    return issued
