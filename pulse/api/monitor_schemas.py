"""What is sent and told of a monitor over the API."""

from typing import Annotated, Any, ClassVar, Literal, Self, cast

from pydantic import BaseModel, ValidationInfo, field_validator, model_validator
from sqlalchemy import select

from pulse.addresses.urls import LONGEST_URL
from pulse.api.auth import caller
from pulse.api.pages import PageQuery, fetched
from pulse.api.schemas import Id, In, Moment, Out, Sought, SoughtId, Switch, Text, WholeNumber, defaulted, documented, one_of
from pulse.extensions import services
from pulse.models.check import CheckType, Status
from pulse.models.monitor import State
from pulse.models.monitor_fields import (
    AUTH_TYPES,
    DEFAULTS,
    EXTERNAL_ID,
    LARGEST_BODY,
    LONGEST_CREDENTIAL,
    NO_EXTERNAL_IDS,
    STATUSES,
    TIMEOUTS,
    MonitorFields,
    check_fields,
)
from pulse.models.project import Project
from pulse.names import LONGEST
from pulse.plans import INTERVALS
from pulse.probe import METHODS, ProbeError
from pulse.probe.request import LONGEST_NAME, LONGEST_VALUE, MOST_HEADERS

SENT_BY = {"none": (), "basic": ("username", "password"), "bearer": ("token",)}
"""What each type of authentication sends."""
NAMED = {"pattern": f"^{EXTERNAL_ID}$", "not": {"enum": [*NO_EXTERNAL_IDS]}}
NAMES = {"minLength": 1, "maxLength": LONGEST_NAME}
METHODS_WITH = "POST, PUT and PATCH"
UNTOLD = "Never told again; null clears it."
SHORTEST = "How short it may be depends on the plan."
HEADERS = f"Values of printable ASCII. {UNTOLD}"
MOVED = "With another scheme, host or port, stored headers, body and auth must be sent again in the same request, or cleared."
HeaderValue = Annotated[Text, documented(maxLength=LONGEST_VALUE)]


class AuthIn(In):
    """How a monitor authenticates to its target; never shown again."""

    type: Literal["none", "basic", "bearer"] = "none"
    username: Annotated[Text | None, documented("With `basic`.", maxLength=LONGEST_CREDENTIAL)] = None
    password: Annotated[Text | None, documented("With `basic`.", maxLength=LONGEST_CREDENTIAL)] = None
    token: Annotated[Text | None, documented("With `bearer`.", maxLength=LONGEST_VALUE)] = None

    @model_validator(mode="after")
    def holds_nothing_else(self) -> Self:
        """Refuse what its type does not send: whoever gives a secret means it to be sent."""
        given = self.model_dump(exclude={"type"}, exclude_none=True)
        if foreign := [name for name in given if name not in SENT_BY[self.type]]:
            raise ValueError(f"Leave out {' and '.join(foreign)}, which {self.type} does not use, or choose another type.")
        return self


class MonitorFieldsIn(In):
    """What may be written of a monitor besides its name and URL: null clears."""

    stored_method: ClassVar[str] = "POST"
    """The method where none is given. A change does not know it, and leaves it to the model whether a body fits."""

    method: Annotated[Text | None, documented(enum=[*METHODS, None])] = None
    project_id: Annotated[Id | None, documented("Null is the team's default project.")] = None
    interval_seconds: Annotated[WholeNumber | None, documented(SHORTEST, enum=[*INTERVALS, None])] = None
    timeout_seconds: Annotated[WholeNumber | None, documented(minimum=TIMEOUTS[0], maximum=TIMEOUTS[-1])] = None
    expected_status: Annotated[WholeNumber | None, documented(minimum=STATUSES[0], maximum=STATUSES[-1])] = None
    verify_tls: Switch | None = None
    external_id: Annotated[Text | None, documented("Your own name for it, unique in the team.", **NAMED)] = None
    headers: Annotated[dict[str, HeaderValue] | None, documented(HEADERS, maxProperties=MOST_HEADERS, propertyNames=NAMES)] = None
    body: Annotated[Text | None, documented(f"Up to {LARGEST_BODY // 1024} KiB. {METHODS_WITH} can send one. {UNTOLD}")] = None
    auth: Annotated[AuthIn | None, documented(UNTOLD)] = None

    @field_validator("*")
    @classmethod
    def holds_its_rule(cls, value: Any, info: ValidationInfo) -> Any:
        """Hold each field to the model's rule here already, so that all faults are told at once."""
        given = value.model_dump(exclude_unset=True) if isinstance(value, BaseModel) else value
        fields = cast("MonitorFields", {info.field_name: given})
        if info.field_name == "auth" and "headers" in info.data:
            fields["headers"] = info.data["headers"]
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


class Given(In):
    """What a whole monitor must have."""

    name: Annotated[Text, documented(minLength=1, maxLength=LONGEST)]
    url: Annotated[Text, documented(format="uri", maxLength=LONGEST_URL, examples=["https://shop.example.com/"])]


class Regiven(In):
    """The same, in a change."""

    name: Annotated[Text | None, documented(minLength=1, maxLength=LONGEST)] = None
    url: Annotated[Text | None, documented(MOVED, format="uri", maxLength=LONGEST_URL)] = None


class MonitorChange(MonitorFieldsIn, Regiven):
    """Changes to a monitor. Absent fields keep their values."""


class MonitorIn(MonitorFieldsIn, Given):
    """A monitor to create or replace."""

    model_config = defaulted(DEFAULTS)
    stored_method = "GET"


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
    q: Sought | None = None
