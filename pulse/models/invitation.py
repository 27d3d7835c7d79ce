"""Invitations into a team: mailed, single use, seven days long, stored as a digest."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from limits import parse
from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, UniqueConstraint, delete, func, select
from sqlalchemy.orm import Mapped, joinedload, mapped_column, relationship

from pulse.clock import utcnow
from pulse.db import NEVER_REUSED, Base, BigId, DbSession, UTCDateTime
from pulse.models import people, secret_text
from pulse.models.api_key import ApiKey
from pulse.models.email import check_email, fold_email
from pulse.models.event import About, Actor, Event
from pulse.models.hold import hold
from pulse.models.refusals import Conflict, Invalid, LimitReached, RateLimited, Refused
from pulse.models.team import Membership, Team
from pulse.models.throttle import Throttle
from pulse.models.user import User
from pulse.roles import Role

LIFE = timedelta(days=7)
KEPT = timedelta(days=30)
"""How long one that has run out stays to be sent again."""
TO_ONE_ADDRESS = parse("5 per hour")
BY_ONE_TEAM = parse("50 per hour")
ENDED = "This invitation is no longer valid: it was used, revoked or replaced by a newer one."
REJOINED = "Keys from an earlier membership are revoked when their owner rejoins the team."


class Invited(Refused):
    """Somebody with this address belongs to the team, or is invited, already."""

    code = "taken"
    field = "email"


class NotYours(Refused):
    """The invitation is for another address."""


@dataclass(frozen=True, slots=True)
class Seats:
    """How many places of the plan are taken, by members and by invitations that wait, and how many there are."""

    members: int
    invited: int
    most: int

    @property
    def free(self) -> int:
        """How many more people can be invited."""
        return max(0, self.most - self.members - self.invited)

    @classmethod
    def of(cls, session: DbSession, team: Team) -> "Seats":
        """Count them."""
        waiting = (Invitation.team_id == team.id, Invitation.expires_at > utcnow())
        invited = session.scalar(select(func.count()).where(*waiting)) or 0
        return cls(_members(session, team), invited, team.plan.limits.members)


@dataclass(frozen=True, slots=True)
class Sent:
    """An invitation and the text that goes into its link, which is stored nowhere."""

    invitation: "Invitation"
    token: str = field(repr=False)


class Invitation(Base):
    """A place in a team kept for an address, until it is taken, revoked, or has run out."""

    __tablename__ = "invitations"
    __table_args__ = (
        CheckConstraint("role IN ('admin', 'member', 'viewer')", name="role"),
        UniqueConstraint("team_id", "email_folded"),
        Index("ix_invitations_team_id_id", "team_id", "id"),
        NEVER_REUSED,
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    team_id: Mapped[int] = mapped_column(ForeignKey("teams.id", ondelete="CASCADE"))
    invited_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"), index=True)
    email: Mapped[str]
    email_folded: Mapped[str] = mapped_column(index=True)
    role_name: Mapped[str] = mapped_column("role")
    digest: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    expires_at: Mapped[datetime] = mapped_column(UTCDateTime, index=True)

    team: Mapped[Team] = relationship()
    invited_by: Mapped[User | None] = relationship()

    # --- finding -----------------------------------------------------------------------------------------------

    @classmethod
    def find(cls, session: DbSession, token: str) -> "Invitation | None":
        """Return the live invitation behind a link's text; looking at it does not use it up."""
        query = select(cls).where(cls.digest == secret_text.digest(token), cls.expires_at > utcnow())
        return session.scalar(query.options(joinedload(cls.team), joinedload(cls.invited_by)))

    @classmethod
    def of_team(cls, session: DbSession, team_id: int) -> list["Invitation"]:
        """Return a team's invitations, the newest first, those that have run out among them."""
        query = select(cls).where(cls.team_id == team_id).order_by(cls.id.desc())
        return list(session.scalars(query.options(joinedload(cls.invited_by))))

    @classmethod
    def get(cls, session: DbSession, team_id: int, invitation_id: int) -> "Invitation | None":
        """Return a team's invitation; another team's is not found."""
        return session.scalar(select(cls).where(cls.id == invitation_id, cls.team_id == team_id))

    @property
    def role(self) -> Role:
        """The role that whoever accepts gets."""
        return Role(self.role_name)

    @property
    def expired(self) -> bool:
        """Whether it has run out; sending it again brings it back."""
        return self.expires_at <= utcnow()

    # --- the life of an invitation -----------------------------------------------------------------------------

    @classmethod
    def issue(cls, session: DbSession, team: Team, email: str, role: Role, by: Actor) -> Sent:
        """Keep a place for an address, and make the link that takes it.

        Raises `Invalid`, `Invited`, `LimitReached`, `RateLimited` and `RoleRequired`. The limit counts members and
        invitations that wait, and holds under parallel ones, because those of one team wait for each other.
        """
        address = check_email(email)
        if not role.can_be_granted:
            raise Invalid("role", people.OWNED)
        people.must_manage(session, team, by)
        cls._refuse_known(session, team, address)
        _claim_seat(session, team)
        invitation = cls(team_id=team.id, email=address, email_folded=fold_email(address), role_name=role.value)
        invitation.created_at, invitation.invited_by_id = utcnow(), by.user_id
        return invitation._send(session, "invitation.sent", by)

    def resend(self, session: DbSession, by: Actor) -> Sent:
        """Make a new link for another seven days; the one before is dead. Raises as `issue` does, and `Conflict`."""
        people.must_manage(session, self.team, by)
        hold(session, self, ENDED)
        if self.expired:
            _claim_seat(session, self.team)
        return self._send(session, "invitation.resent", by)

    def revoke(self, session: DbSession, by: Actor) -> None:
        """Take it back: its link is dead at once. Raises `Conflict` when it has ended already, and `RoleRequired`."""
        people.must_manage(session, self.team, by)
        hold(session, self, ENDED)
        self._note(session, "invitation.revoked", by)
        session.delete(self)
        session.flush()

    def accept(self, session: DbSession, user: User, by: Actor) -> Membership:
        """Make `user` a member, and use the invitation up; of several at once one does.

        Keys that a former membership left behind end for good: an old token must not come back to life unasked.
        Raises `Conflict` when it has ended, `NotYours`, and `LimitReached` when the plan's places are taken.
        """
        team, digest = self.team, self.digest
        team.hold(session)
        hold(session, self, ENDED)
        if self.expired or self.digest != digest:
            raise Conflict(ENDED)
        if user.email_folded != self.email_folded:
            raise NotYours(f"This invitation is for {self.email}.")
        member = Membership.locked(session, user.id, team.id) or self._join(session, user, by)
        session.delete(self)
        session.flush()
        return member

    @classmethod
    def forget(cls, session: DbSession, email: str) -> None:
        """Remove every invitation of an address, as when its account is gone."""
        session.execute(delete(cls).where(cls.email_folded == fold_email(email)))

    @classmethod
    def sweep(cls, session: DbSession) -> int:
        """Remove those that ran out long ago; return how many."""
        gone = delete(cls).where(cls.expires_at < utcnow() - KEPT).returning(cls.id)
        return len(session.execute(gone).all())

    # --- steps -------------------------------------------------------------------------------------------------

    @classmethod
    def _refuse_known(cls, session: DbSession, team: Team, address: str) -> None:
        folded = fold_email(address)
        places = select(Membership.id).join(User, User.id == Membership.user_id)
        if session.scalar(places.where(Membership.team_id == team.id, User.email_folded == folded)) is not None:
            raise Invited(f"{address} is already a member of this team.")
        same = session.scalar(select(cls).where(cls.team_id == team.id, cls.email_folded == folded))
        if same is not None and not same.expired:
            raise Invited(f"{address} is already invited. To send another email, resend that invitation.")
        if same is not None:
            session.delete(same)
            session.flush()

    def _send(self, session: DbSession, action: str, by: Actor) -> Sent:
        _count_mail(session, self)
        token = secret_text.mint()
        self.digest, self.expires_at = secret_text.digest(token), utcnow() + LIFE
        session.add(self)
        session.flush()
        self._note(session, action, by)
        return Sent(self, token)

    def _join(self, session: DbSession, user: User, by: Actor) -> Membership:
        team = self.team
        most = team.plan.limits.members
        if _members(session, team) >= most:
            raise LimitReached(f"{team.name} has no seats left on its plan. Ask the person who invited you to make room.", most)
        ApiKey.revoke_all(session, by=by, user_id=user.id, team_id=team.id, reason=REJOINED)
        member = Membership(user_id=user.id, team_id=team.id, role_name=self.role_name, joined_at=utcnow())
        session.add(member)
        session.flush()
        detail = {"name": team.name, "role": self.role_name, "invitation": self.id}
        Event.record(session, "member.joined", by, About(user.id, team.id, detail=detail))
        session.expire(user, ["memberships"])
        session.expire(team, ["memberships"])
        return member

    def _note(self, session: DbSession, action: str, by: Actor) -> None:
        detail = {"invitation": self.id, "email": masked(self.email), "role": self.role_name}
        Event.record(session, action, by, About(by.user_id, self.team_id, detail=detail))


def masked(email: str) -> str:
    """Return as much of an address as the trail keeps: whoever deletes their account must not be found there."""
    local, _, domain = email.rpartition("@")
    return f"{local[:1]}…@{domain}"


def _members(session: DbSession, team: Team) -> int:
    return session.scalar(select(func.count()).where(Membership.team_id == team.id)) or 0


def _claim_seat(session: DbSession, team: Team) -> None:
    """Refuse when all places are taken; the team is held."""
    seats = Seats.of(session, team)
    if not seats.free:
        plan = team.plan
        raise LimitReached(
            f"The {plan.label} plan includes {seats.most} {'member' if seats.most == 1 else 'members'}: {seats.members} in the"
            f" team and {seats.invited} invited. {plan.room('Remove a member or revoke an invitation')}",
            seats.most,
        )


def _count_mail(session: DbSession, invitation: Invitation) -> None:
    """Count the mail, in the transaction that sends it: what is not sent counts for nothing."""
    limits = ((TO_ONE_ADDRESS, "invitation to", invitation.email_folded), (BY_ONE_TEAM, "invitation by", str(invitation.team_id)))
    for limit, *subject in limits:
        if seconds := Throttle.hit(session, limit, *subject):
            minutes = -(-seconds // 60)
            raise RateLimited(f"Too many invitations were sent. Wait {minutes} min, then try again.", seconds)
