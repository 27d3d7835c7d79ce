"""Teams, and who belongs to them in which role."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, ForeignKey, Index, UniqueConstraint, case, func, literal_column, or_, select, text
from sqlalchemy.orm import Mapped, aliased, mapped_column, relationship

from pulse.clock import utcnow
from pulse.db import NEVER_REUSED, Base, BigId, DbSession, UTCDateTime
from pulse.models.alert_rule import AlertRule
from pulse.models.event import About, Actor, Event
from pulse.models.hold import hold
from pulse.models.monitor import Monitor
from pulse.models.project import Project
from pulse.models.refusals import Conflict
from pulse.plans import Plan
from pulse.roles import Role

if TYPE_CHECKING:
    from pulse.models.user import User


class Team(Base):
    """The workspace: monitors, incidents, rules and the plan belong to it."""

    __tablename__ = "teams"
    __table_args__ = (NEVER_REUSED,)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str]
    plan_name: Mapped[str] = mapped_column("plan")
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)

    memberships: Mapped[list["Membership"]] = relationship(
        back_populates="team", order_by="Membership.id", cascade="all, delete-orphan", passive_deletes=True
    )

    @classmethod
    def found(cls, session: DbSession, name: str, owner: "User", plan: Plan) -> "Team":
        """Make a team with `owner` as its Owner, its default project and its first alert rule."""
        team = cls(name=name, plan_name=plan.value, created_at=utcnow())
        team.memberships.append(Membership(user=owner, role_name=Role.OWNER.value, joined_at=utcnow()))
        session.add(team)
        session.flush()
        Project.default_for(session, team)
        AlertRule.default_for(session, team)
        return team

    def hold(self, session: DbSession) -> None:
        """Read the team anew and keep it until the transaction ends: what its plan limits happens one by one.

        Raises `Conflict` when it is gone. On SQLite the transaction itself holds the write lock already.
        """
        hold(session, self, "This team was deleted.", key_share=True)

    @property
    def plan(self) -> Plan:
        """The plan in force."""
        return Plan(self.plan_name)

    @property
    def owner(self) -> "User":
        """The one member who is Owner."""
        return next(each.user for each in self.memberships if each.role is Role.OWNER)

    def choose_plan(self, session: DbSession, plan: Plan, by: Actor, *, replacing: str | None) -> None:
        """Put the team on `plan` in place of the one that whoever chose was shown.

        Raises `Conflict` when that is not the plan in force any more: what was told of the change is no longer true.
        Doing it twice is harmless.
        """
        self.hold(session)
        if self.plan is plan:
            return
        if replacing != self.plan_name:
            raise Conflict(f"{self.name} is on the {self.plan.label} plan by now. Nothing was changed: choose again.")
        self.change_plan(session, plan, by)

    def change_plan(self, session: DbSession, plan: Plan, by: Actor, reason: str | None = None) -> None:
        """Put the team on `plan`, and its monitors within what that includes."""
        self.hold(session)
        was, self.plan_name = self.plan, plan.value
        about = About(team_id=self.id, user_id=self.owner.id, detail={"from": was.value, "to": plan.value})
        Event.record(session, "plan.changed", by, about, reason)
        session.flush()
        Monitor.fit(session, self)


class Membership(Base):
    """A user's place in a team. The one with the role Owner is unique, and the database holds it to that."""

    __tablename__ = "memberships"
    __table_args__ = (
        UniqueConstraint("user_id", "team_id"),
        Index(
            "uq_memberships_owner",
            "team_id",
            unique=True,
            postgresql_where=text("role = 'owner'"),
            sqlite_where=text("role = 'owner'"),
        ),
        Index("ix_memberships_team_id_id", "team_id", "id"),
        NEVER_REUSED,
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    team_id: Mapped[int] = mapped_column(ForeignKey("teams.id", ondelete="CASCADE"))
    role_name: Mapped[str] = mapped_column("role")
    joined_at: Mapped[datetime] = mapped_column(UTCDateTime)

    user: Mapped["User"] = relationship(back_populates="memberships")
    team: Mapped[Team] = relationship(back_populates="memberships")

    @property
    def role(self) -> Role:
        """The role that was given; what it comes to under the team's plan is `effective_role`."""
        return Role(self.role_name)

    def effective_role(self, session: DbSession) -> Role:
        """Return the role in force: members over the plan's number, the last to join first, only read."""
        older = select(func.count()).where(Membership.team_id == self.team_id, precedes(Membership, self.id))
        return in_force(self.role, session.scalar(older) or 0, self.team.plan)

    @classmethod
    def locked(cls, session: DbSession, user_id: int, team_id: int) -> "Membership | None":
        """Return the membership, held until the transaction ends: acts under one membership happen one by one.

        On SQLite the transaction itself holds the write lock already.
        """
        query = select(cls).where(cls.user_id == user_id, cls.team_id == team_id)
        return session.scalar(query.with_for_update(of=cls).execution_options(populate_existing=True))


def precedes(other: type[Membership], member_id: Any) -> ColumnElement[bool]:
    """Return the condition for who takes a place of the plan before a member: the Owner, and all who joined earlier."""
    return or_(other.id < member_id, other.role_name == Role.OWNER.value)


def older_members() -> ColumnElement[int]:
    """Return how many precede each `Membership` of a query, as `precedes` has it, in the words that cost SQLite the least."""
    other = aliased(Membership)

    def counted(*which: ColumnElement[bool]) -> ColumnElement[int]:
        mine = select(func.count()).select_from(other).where(other.team_id == Membership.team_id, *which)
        return mine.correlate(Membership).scalar_subquery()

    # Two counts, because SQLite answers an OR with two searches and a set; and constants, because it prepares a whole
    # statement anew each time for a parameter that decides about a partial index.
    owner: ColumnElement[str] = literal_column(f"'{Role.OWNER.value}'")
    none: ColumnElement[int] = literal_column("0")
    preceding = counted(other.id < Membership.id) + counted(other.id > Membership.id, other.role_name == owner)
    return case((Membership.role_name == owner, none), else_=preceding)


def only_reading(members: Sequence[Membership], plan: Plan) -> set[int]:
    """Return the ids of those of a team's members who are over the plan's number."""
    later = sorted(each.id for each in members if not each.role.owns)
    return set(later[max(0, plan.limits.members - 1) :])


def in_force(role: Role, older_members: int, plan: Plan) -> Role:
    """Return what `role` comes to for a member whom `older_members` others preceded."""
    return role if role is Role.OWNER or older_members < plan.limits.members else Role.VIEWER
