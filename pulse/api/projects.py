"""Projects over the API: list, create, read, rename, delete."""

from typing import Annotated, Any

from flask import Blueprint
from pydantic import AfterValidator
from sqlalchemy import select

from pulse.abilities import Ability
from pulse.api.auth import caller, team
from pulse.api.operations import Reply, created, operation
from pulse.api.pages import PageQuery, fetched_one, newest_first
from pulse.api.schemas import In, Moment, Out, Page, Text, documented
from pulse.extensions import db
from pulse.models.name import check_name
from pulse.models.project import Project
from pulse.models.refusals import Invalid
from pulse.names import LONGEST
from pulse.problems import found

bp = Blueprint("api_projects", __name__)
COLUMNS = (Project.id, Project.name, Project.is_default, Project.created_at)


def _named(text: str | None) -> str:
    try:
        return check_name(text or "")
    except Invalid as fault:
        raise ValueError(str(fault)) from fault


class ProjectIn(In):
    """A project to create."""

    name: Annotated[Text, AfterValidator(_named), documented(minLength=1, maxLength=LONGEST)]


class ProjectChange(In):
    """Changes to a project. An absent name keeps its value; null is refused, since a project needs a name."""

    name: Annotated[Text | None, AfterValidator(_named), documented(minLength=1, maxLength=LONGEST)] = None


class ProjectOut(Out):
    """A named group of the team's monitors."""

    id: int
    name: str
    is_default: bool
    created_at: Moment


@operation(bp, "GET", "/projects", ability=Ability.PROJECTS_READ, query=PageQuery, reply=Page[ProjectOut])
def index(query: PageQuery) -> Reply:
    """List the team's projects, newest first."""
    listed = select(*COLUMNS).where(Project.team_id == caller().team_id)
    return newest_first(listed, query, Project.id)


@operation(
    bp, "POST", "/projects", ability=Ability.PROJECTS_WRITE, body=ProjectIn, reply=ProjectOut, status=201, headers=("Location",)
)
def create(body: ProjectIn) -> Reply:
    """Create a project."""
    project = Project.create(db.session, team().id, body.name, caller().actor())
    return created(ProjectOut.model_validate(project), f"/projects/{project.id}")


@operation(bp, "GET", "/projects/<id:project_id>", ability=Ability.PROJECTS_READ, reply=ProjectOut)
def show(project_id: int) -> Any:
    """Read a project."""
    return fetched_one(select(*COLUMNS).where(Project.id == project_id, Project.team_id == caller().team_id))


@operation(bp, "PATCH", "/projects/<id:project_id>", ability=Ability.PROJECTS_WRITE, body=ProjectChange, reply=ProjectOut)
def change(project_id: int, body: ProjectChange) -> ProjectOut:
    """Rename a project."""
    project = find(project_id)
    if body.name is not None:
        project.rename(db.session, body.name, caller().actor())
    return ProjectOut.model_validate(project)


@operation(bp, "DELETE", "/projects/<id:project_id>", ability=Ability.PROJECTS_WRITE)
def delete(project_id: int) -> None:
    """Delete a project. The default one, and any that still contains monitors, cannot be deleted."""
    find(project_id).delete(db.session, caller().actor())


def find(project_id: int) -> Project:
    """Return the team's project, or answer 404."""
    return found(Project.find(db.session, caller().team_id, project_id))
