"""Projects: what a team sorts its monitors into."""

from datetime import datetime
from typing import TYPE_CHECKING, Self

from sqlalchemy import ForeignKey, Index, Select, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, mapped_column

from pulse.clock import utcnow
from pulse.db import NEVER_REUSED, Base, BigId, DbSession, UTCDateTime
from pulse.models.event import About, Actor, Event
from pulse.models.hold import hold
from pulse.models.name import check_name
from pulse.models.refusals import Conflict

if TYPE_CHECKING:
    from pulse.models.team import Team

GONE = "This project was already deleted."


class Project(Base):
    """A named part of a team's monitors. Each team has one that holds what is put in no other."""

    __tablename__ = "projects"
    __table_args__ = (
        Index(
            "uq_projects_default",
            "team_id",
            unique=True,
            postgresql_where=text("is_default"),
            sqlite_where=text("is_default"),
        ),
        Index("ix_projects_team_id_id", "team_id", "id"),
        NEVER_REUSED,
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    team_id: Mapped[int] = mapped_column(ForeignKey("teams.id", ondelete="CASCADE"))
    name: Mapped[str]
    is_default: Mapped[bool]
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)

    @classmethod
    def default_for(cls, session: DbSession, team: "Team") -> "Project":
        """Make the default project of a new team."""
        project = cls(team_id=team.id, name="Default", is_default=True, created_at=utcnow())
        session.add(project)
        session.flush()
        return project

    # --- finding -----------------------------------------------------------------------------------------------

    @classmethod
    def of(cls, team_id: int) -> Select[Self]:
        """Return the query for a team's projects, the default one first."""
        return select(cls).where(cls.team_id == team_id).order_by(cls.is_default.desc(), cls.name, cls.id)

    @classmethod
    def find(cls, session: DbSession, team_id: int, project_id: int) -> "Project | None":
        """Return a team's project; another team's is not found."""
        return session.scalar(select(cls).where(cls.id == project_id, cls.team_id == team_id))

    @classmethod
    def default_of(cls, session: DbSession, team_id: int) -> "Project":
        """Return a team's default project."""
        return session.scalars(select(cls).where(cls.team_id == team_id, cls.is_default)).one()

    # --- the life of a project ---------------------------------------------------------------------------------

    @classmethod
    def create(cls, session: DbSession, team_id: int, name: str, by: Actor) -> "Project":
        """Make a project; raises `Invalid`."""
        project = cls(team_id=team_id, name=check_name(name), is_default=False, created_at=utcnow())
        session.add(project)
        session.flush()
        project._note(session, "project.created", by)
        return project

    def rename(self, session: DbSession, name: str, by: Actor) -> None:
        """Give it another name; raises `Invalid` and, when it was deleted meanwhile, `Conflict`."""
        name = check_name(name)
        hold(session, self, GONE)
        if name != self.name:
            self.name = name
            self._note(session, "project.changed", by)

    def delete(self, session: DbSession, by: Actor) -> None:
        """Remove it; raises `Conflict` for the default one, and for one that still holds monitors."""
        hold(session, self, GONE)
        if self.is_default:
            raise Conflict("The default project cannot be deleted: it holds the monitors that are in no other.")
        self._note(session, "project.deleted", by)
        try:
            with session.begin_nested():
                session.delete(self)
        except IntegrityError as error:
            # The database tells, for it also knows of a monitor that another is putting there right now.
            raise Conflict("This project still contains monitors: move or delete them first.") from error

    def _note(self, session: DbSession, action: str, by: Actor) -> None:
        about = About(by.user_id, self.team_id, detail={"project": self.id, "name": self.name})
        Event.record(session, action, by, about)
        session.flush()
