"""Projects: what a team sorts its monitors into."""

from datetime import datetime
from typing import TYPE_CHECKING, Self

from sqlalchemy import ForeignKey, Index, Select, select, text
from sqlalchemy.orm import Mapped, mapped_column

from pulse.clock import utcnow
from pulse.db import NEVER_REUSED, Base, BigId, DbSession, UTCDateTime

if TYPE_CHECKING:
    from pulse.models.team import Team


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
