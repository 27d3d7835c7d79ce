"""What is sent and told of a monitor over the API."""

from typing import Annotated, Any, ClassVar, Literal, cast

from pydantic import BaseModel, Field, ValidationInfo, field_validator
from sqlalchemy import select

from pulse.api.auth import caller
from pulse.api.pages import PageQuery, fetched
from pulse.api.schemas import In, Moment, Out, Sought, SoughtId, Switch, Text, WholeNumber, documented, one_of
from pulse.extensions import services
from pulse.models.check import CheckType, Status
from pulse.models.monitor import State
from pulse.models.monitor_fields import AUTH_TYPES, STATUSES, TIMEOUTS, MonitorFields, check_fields
from pulse.models.project import Project
from pulse.plans import INTERVALS
from pulse.probe import METHODS, ProbeError


class AuthIn(In):
    """How a monitor authenticates to its target; never shown again."""

    type: Literal["none", "basic", "bearer"] = "none"
    username: Text | None = None
    password: Text | None = None
    token: Text | None = None


class MonitorFieldsIn(In):
    """What may be written of a monitor besides its name and URL: null clears."""

    stored_method: ClassVar[str] = "POST"
    """The method where none is given. A change does not know it, and leaves it to the model whether a body fits."""

    method: Annotated[Text | None, documented(enum=[*METHODS, None])] = None
    project_id: WholeNumber | None = None
    interval_seconds: Annotated[WholeNumber | None, documented(enum=[*INTERVALS, None])] = None
    timeout_seconds: Annotated[WholeNumber | None, documented(minimum=TIMEOUTS[0], maximum=TIMEOUTS[-1])] = None
    expected_status: Annotated[WholeNumber | None, documented(minimum=STATUSES[0], maximum=STATUSES[-1])] = None
    verify_tls: Switch | None = None
    external_id: Annotated[Text | None, documented(pattern="^[A-Za-z0-9._-]{1,128}$")] = None
    headers: dict[str, Text] | None = None
    body: Text | None = None
    auth: AuthIn | None = None

    @field_validator("*")
    @classmethod
    def holds_its_rule(cls, value: Any, info: ValidationInfo) -> Any:
        """Hold each field to the model's rule here already, so that all faults are told at once."""
        given = value.model_dump(exclude_unset=True) if isinstance(value, BaseModel) else value
        fields = cast("MonitorFields", {info.field_name: given})
        # One that broke its own rule is not among the data, and says nothing of the body.
        method = info.data.get("method", "POST") or cls.stored_method
        _, faults = check_fields(fields, caller().plan, services().guard, method=method.upper())
        if faults:
            raise ValueError(str(faults[0]))
        return value

    @field_validator("project_id")
    @classmethod
    def is_one_of_the_team(cls, project_id: int | None) -> int | None:
        """Look a project up here already, for the same reason."""
        mine = select(Project.id).where(Project.id == project_id, Project.team_id == caller().team_id)
        if project_id is not None and not fetched(mine):
            raise ValueError("Choose one of the team's projects.")
        return project_id

    def fields(self) -> MonitorFields:
        """Return what was given, and nothing else."""
        return cast("MonitorFields", self.model_dump(exclude_unset=True))


class MonitorChange(MonitorFieldsIn):
    """Changes to a monitor. Absent fields keep their values."""

    name: Annotated[Text | None, documented(maxLength=100)] = None
    url: Annotated[Text | None, documented(format="uri", maxLength=2048)] = None


class MonitorIn(MonitorFieldsIn):
    """A monitor to create or replace."""

    stored_method = "GET"
    name: Annotated[Text, documented(minLength=1, maxLength=100)]
    url: Annotated[Text, documented(format="uri", maxLength=2048, examples=["https://shop.example.com/"])]


class CheckBrief(Out):
    """A monitor's latest check."""

    id: int
    monitor_id: int
    type: Annotated[str, one_of(CheckType)]
    status: Annotated[str, one_of(Status)]
    http_status_code: int | None
    response_time_ms: int | None
    error: Annotated[str, one_of(ProbeError)] | None
    checked_at: Moment


class MonitorOut(Out):
    """A monitor, without its write-only values."""

    id: int
    external_id: str | None
    name: str
    url: str
    method: Annotated[str, one_of(METHODS)]
    project_id: int
    interval_seconds: int
    timeout_seconds: int
    expected_status: int
    verify_tls: bool
    header_names: list[str]
    has_body: bool
    auth_type: Annotated[str, one_of(AUTH_TYPES)]
    state: Annotated[str, one_of(State)]
    created_at: Moment
    updated_at: Moment
    paused_at: Moment | None
    last_check: CheckBrief | None
    next_check_at: Moment | None


class MonitorQuery(PageQuery):
    """Which monitors to list."""

    state: State | None = None
    project_id: SoughtId | None = None
    q: Annotated[Sought, Field(max_length=200)] | None = None
