"""People: who they are, how they show it, and what they prefer."""

from collections.abc import Generator, Iterable
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, mapped_column, relationship

from pulse.clock import utcnow
from pulse.db import NEVER_REUSED, Base, BigId, DbSession, UTCDateTime
from pulse.models.email import check_email, fold_email
from pulse.models.event import About, Actor, Event
from pulse.models.name import check_name
from pulse.models.refusals import Refused
from pulse.models.team import Membership, Team
from pulse.plans import Plan

if TYPE_CHECKING:
    from pulse.models.session import BrowserSession

THEMES = ("system", "light", "dark")


class EmailTaken(Refused):
    """Somebody signed up with this address already."""

    code = "taken"
    field = "email"


class User(Base):
    """A person with an account."""

    __tablename__ = "users"
    __table_args__ = (NEVER_REUSED,)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    email: Mapped[str]
    """As the person writes it."""
    email_folded: Mapped[str] = mapped_column(unique=True)
    """As it is looked up: see `fold_email`."""
    name: Mapped[str]
    password_hash: Mapped[str]
    timezone: Mapped[str]
    theme: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    password_changed_at: Mapped[datetime] = mapped_column(UTCDateTime)
    staff_since: Mapped[datetime | None] = mapped_column(UTCDateTime)
    suspended_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    last_team_id: Mapped[int | None] = mapped_column(BigId)
    """The team that was chosen last in any session, where the next one begins. No foreign key, as in `BrowserSession`."""

    memberships: Mapped[list[Membership]] = relationship(
        back_populates="user", order_by="Membership.id", cascade="all, delete-orphan", passive_deletes=True
    )
    sessions: Mapped[list["BrowserSession"]] = relationship(
        back_populates="user", cascade="all, delete-orphan", passive_deletes=True
    )

    # What Flask-Login asks of a user.
    is_authenticated = True
    is_anonymous = False

    @property
    def is_active(self) -> bool:
        """Whether the account is not suspended."""
        return self.suspended_at is None

    @property
    def is_staff(self) -> bool:
        """Whether this is one of the support staff."""
        return self.staff_since is not None and self.is_active

    @classmethod
    def sign_up(cls, session: DbSession, *, name: str, email: str, password_hash: str, plan: Plan, by: Actor) -> "User":
        """Make an account and its team; raises `Invalid` and `EmailTaken`.

        The password comes hashed: hashing takes a quarter second, in which no transaction may be open.
        """
        address, now = check_email(email), utcnow()
        user = cls(
            email=address,
            email_folded=fold_email(address),
            name=check_name(name),
            password_hash=password_hash,
            timezone="UTC",
            theme="system",
            created_at=now,
            password_changed_at=now,
        )
        with _told_if_taken(session):
            session.add(user)
        team = Team.found(session, team_name(user.name), user, plan)
        Event.record(session, "account.created", by, About(user_id=user.id, team_id=team.id))
        return user

    @classmethod
    def by_email(cls, session: DbSession, email: str) -> "User | None":
        """Return the account behind an address, however it is written."""
        return session.scalar(select(cls).where(cls.email_folded == fold_email(email)))

    @classmethod
    def names_of(cls, session: DbSession, ids: Iterable[int]) -> dict[int, str]:
        """Return the names of people by their ids."""
        return {row.id: row.name for row in session.execute(select(cls.id, cls.name).where(cls.id.in_(set(ids))))}

    @classmethod
    def held(cls, session: DbSession, user_id: int) -> "User | None":
        """Return an account that stays as it is until the transaction ends; `None` when it is gone."""
        # Not against what refers to the account: whoever holds a team meanwhile may still write of it in the trail.
        return session.get(cls, user_id, with_for_update={"key_share": True, "of": cls}, populate_existing=True)

    def ensure_team(self, session: DbSession, plan: Plan, by: Actor) -> None:
        """Give somebody who belongs to no team any more one of their own, as at sign-up; doing it twice is harmless."""
        places = select(Membership.id).where(Membership.user_id == self.id)
        if User.held(session, self.id) is None or session.scalar(places.limit(1)) is not None:
            return
        team = Team.found(session, team_name(self.name), self, plan)
        Event.record(session, "team.created", by, About(self.id, team.id, detail={"name": team.name}))
        session.flush()

    def change_profile(self, *, name: str, timezone: str, theme: str) -> None:
        """Set how the person is called and what they prefer; raises `Invalid`."""
        self.name, self.timezone, self.theme = check_name(name), timezone, theme

    def change_password(self, session: DbSession, password_hash: str, by: Actor) -> None:
        """Set a new password, hashed. Ending the other sessions is `BrowserSession.end_all`."""
        self.password_hash, self.password_changed_at = password_hash, utcnow()
        Event.record(session, "password.changed", by, About(user_id=self.id))

    def change_email(self, session: DbSession, email: str, by: Actor) -> None:
        """Make a verified address the login; raises `EmailTaken`."""
        with _told_if_taken(session):
            self.email, self.email_folded = email, fold_email(email)
        Event.record(session, "email.changed", by, About(user_id=self.id))

    def grant_staff(self, session: DbSession, by: Actor) -> None:
        """Make the user support staff; doing it twice is harmless."""
        if self.staff_since is None:
            self.staff_since = utcnow()
            Event.record(session, "staff.granted", by, About(user_id=self.id))

    def revoke_staff(self, session: DbSession, by: Actor) -> None:
        """Take the support role away; doing it twice is harmless."""
        if self.staff_since is not None:
            self.staff_since = None
            Event.record(session, "staff.revoked", by, About(user_id=self.id))

    def suspend(self, session: DbSession, by: Actor, reason: str | None = None) -> None:
        """Stop the account and its keys from working; doing it twice is harmless."""
        if self.suspended_at is None:
            self.suspended_at = utcnow()
            Event.record(session, "account.suspended", by, About(user_id=self.id), reason)

    def restore(self, session: DbSession, by: Actor, reason: str | None = None) -> None:
        """Let a suspended account and its keys work again; doing it twice is harmless."""
        if self.suspended_at is not None:
            self.suspended_at = None
            Event.record(session, "account.restored", by, About(user_id=self.id), reason)

    def delete(self, session: DbSession) -> None:
        """Remove the account, its keys, sessions and memberships, and the teams it owns with all that is theirs."""
        for membership in self.memberships:
            if membership.role.owns:
                membership.team.hold(session)
        # Held and read anew, after the teams as everywhere: one may just be handed over to whoever is about to go.
        held = select(Membership).where(Membership.user_id == self.id).with_for_update(of=Membership)
        places = session.scalars(held.execution_options(populate_existing=True)).all()
        # All are read before one is deleted: a read in between would write, and the database would take memberships along.
        for team in [each.team for each in places if each.role.owns]:
            session.delete(team)
        session.expire(self, ["memberships"])
        session.delete(self)
        session.flush()


def team_name(person: str) -> str:
    """Return what the team made at sign-up is called."""
    return f"{person[:90]}’s team"


@contextmanager
def _told_if_taken(session: DbSession) -> Generator[None]:
    """Write what is done within out at once, so that an address that is taken is told here and the transaction goes on."""
    try:
        with session.begin_nested():
            yield
            session.flush()
    except IntegrityError as error:
        raise EmailTaken("This address already has an account. Sign in, or reset the password.") from error
