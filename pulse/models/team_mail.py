"""What is mailed to members of a team when others change what they may do there: nobody loses or gets a team unheard."""

from typing import TYPE_CHECKING

from pulse.models.event import Actor
from pulse.models.key_mail import DOORS
from pulse.models.outbox import Message

if TYPE_CHECKING:
    from pulse.db import DbSession
    from pulse.models.team import Membership
    from pulse.models.user import User

KEYS_END = "Your API keys for this team stopped working at once."
NOT_YOU = "If you did not expect this, change your password and sign out your other sessions, both under Settings, Profile."


def role_changed(session: "DbSession", member: "Membership", was: str, by: Actor) -> None:
    """Tell a member of their new role."""
    team, role = member.team.name, member.role.label
    said = f"Your role in the team {team} is now {role}. It was {was}."
    more = "Your API keys for this team can do no more than your role allows."
    _queue(session, member.user, by, f"Your role in {team}: {role}", said, more)


def removed(session: "DbSession", member: "Membership", by: Actor) -> None:
    """Tell somebody that they belong to the team no more."""
    team = member.team.name
    said = f"You are no longer a member of the team {team}."
    _queue(session, member.user, by, f"You were removed from {team}", said, KEYS_END)


def handed_over(session: "DbSession", owner: "Membership", heir: "Membership", by: Actor) -> None:
    """Tell both the Owner that was and the one that is."""
    team = heir.team.name
    to = f"You now own the team {team}: you decide about its people and its plan, and only you can delete it."
    _queue(session, heir.user, by, f"You now own {team}", to, f"{owner.user.name} owned it before and is now an Admin.")
    of = f"The team {team} now belongs to {heir.user.name} ({heir.user.email}). You are now an Admin."
    _queue(session, owner.user, by, f"You transferred ownership of {team}", of, NOT_YOU)


def deleted(session: "DbSession", member: "Membership", by: Actor) -> None:
    """Tell a member that the team is gone."""
    team = member.team.name
    said = f"The team {team} was deleted with its monitors, incidents and API keys. It cannot be brought back."
    _queue(session, member.user, by, f"The team {team} was deleted", said, NOT_YOU if member.role.owns else KEYS_END)


def _queue(session: "DbSession", user: "User", by: Actor, subject: str, *parts: str) -> None:
    # From where is told to nobody but the one who did it.
    origin = f", from {by.address}" if by.address and by.user_id == user.id else ""
    Message.queue(session, user.email, subject, "\n\n".join((*parts, f"This was done {DOORS[by.kind]}{origin}.")) + "\n")
