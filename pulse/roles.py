"""What a person may do in a team, and with it what their keys may."""

from enum import StrEnum

from pulse.abilities import Ability


class Role(StrEnum):
    """A member's role; every team has exactly one owner."""

    OWNER = "owner"
    ADMIN = "admin"
    MEMBER = "member"
    VIEWER = "viewer"

    __hash__ = str.__hash__  # as in `Plan`

    @property
    def label(self) -> str:
        """The name people read."""
        return self.value.capitalize()

    @property
    def writes(self) -> bool:
        """Whether it may change the team's monitors, incidents, alerts and projects."""
        return self is not Role.VIEWER

    @property
    def manages_people(self) -> bool:
        """Whether it may invite, remove and change the role of members."""
        return self in (Role.OWNER, Role.ADMIN)

    @property
    def owns(self) -> bool:
        """Whether it may delete the team, hand it over and change its plan."""
        return self is Role.OWNER

    @property
    def can_be_granted(self) -> bool:
        """Whether whoever manages people may give it; that of the Owner is handed over by the Owner alone."""
        return self is not Role.OWNER

    def allows(self, ability: Ability) -> bool:
        """Tell whether a key whose owner has this role may use `ability`, if it holds it."""
        if ability.only_reads or ability is Ability.KEY_ROTATE:
            return True
        return self.manages_people if ability is Ability.TEAM_WRITE else self.writes


GRANTED = tuple(role for role in Role if role.can_be_granted)
"""The roles that members can be given."""
