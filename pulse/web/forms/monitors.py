"""The forms of monitors. What is write-only comes back in no page, not even in that of a refused form."""

import re
from collections.abc import Sequence
from typing import Any, cast

from wtforms import BooleanField, IntegerField, PasswordField, SelectField, TextAreaField, ValidationError

from pulse.addresses import AddressGuard
from pulse.models.monitor import Monitor
from pulse.models.monitor_fields import STATUSES, MonitorFields, check_fields
from pulse.models.monitor_secrets import check_kept
from pulse.models.project import Project
from pulse.models.refusals import Faults, Invalid, Refused
from pulse.plans import Plan
from pulse.probe import METHODS
from pulse.web.forms.base import OwnedForm, TextField, choices

AUTH_TYPES = (("none", "None"), ("basic", "Basic Auth"), ("bearer", "Bearer Token"))
CREDENTIALS = ("username", "password", "token")
SECRET = ("headers", "body", *CREDENTIALS)
TYPE_AGAIN = "Enter this again: it is never shown, not even here."


class NumberField(IntegerField):
    """A whole number."""

    def process_formdata(self, valuelist: list[Any]) -> None:
        """Read it, or say what is wanted."""
        if valuelist and not re.fullmatch(r"\s*[0-9]{1,9}\s*", valuelist[0], re.ASCII):
            self.data = None
            raise ValueError("Enter a whole number.")
        super().process_formdata(valuelist)


class SecretField(PasswordField):
    """A credential: sent to us, never back."""


class SecretArea(TextAreaField):
    """Lines of text that are sent to us, never back; their breaks are plain ones, whatever a browser makes of them."""

    def process_formdata(self, valuelist: list[Any]) -> None:
        """Read it."""
        self.data = re.sub(r"\r\n?", "\n", valuelist[0]) if valuelist else ""

    def _value(self) -> str:
        return ""


class MonitorForm(OwnedForm):
    """**Create Monitor**."""

    name = TextField("Name", render_kw={"maxlength": 200})
    url = TextField("URL", render_kw={"maxlength": 4096})
    method = SelectField("HTTP Method", choices=choices(*((each, each) for each in METHODS)), default="GET")
    project_id = SelectField("Project", coerce=int)
    interval_seconds = SelectField("Check Interval", coerce=int, default=60, validate_choice=False)
    timeout_seconds = NumberField("Timeout", default=30, render_kw={"min": 1, "max": 60})
    expected_status = NumberField("Expected Status Code", default=200, render_kw={"min": STATUSES[0], "max": STATUSES[-1]})
    verify_tls = BooleanField("SSL Verification", default=True)
    headers = SecretArea("Headers")
    body = SecretArea("Request Body")
    auth_type = SelectField("Authentication", choices=choices(*AUTH_TYPES), default="none")
    username = SecretField("Username", render_kw={"type": "text"})
    password = SecretField("Password")
    token = SecretField("Token")

    stored_method = "GET"

    def offer(self, plan: Plan, projects: Sequence[Project]) -> None:
        """Offer the intervals of the team's plan and its projects, of which the default one comes first."""
        self.interval_seconds.choices = choices(*((str(each), spoken(each)) for each in plan.intervals))
        self.project_id.choices = choices(*((str(each.id), each.name) for each in projects))
        if self.project_id.data is None and not self.project_id.raw_data:
            self.project_id.data = projects[0].id

    def validate_headers(self, field: SecretArea) -> None:
        """Ask for a name and a value in each line; what they may be is the monitor's own rule."""
        read_headers(field.data or "")

    def judge(self, plan: Plan, guard: AddressGuard) -> bool:
        """Tell whether a monitor may be so; every fault there is is told at its field."""
        self.validate()
        values, faults = check_fields(self.fields(), plan, guard, method=self.stored_method)
        faults += self.unfit(values)
        self.tell(Faults([each for each in faults if not self._at(each).errors]))
        return not self.errors

    def unfit(self, values: dict[str, Any]) -> list[Invalid]:  # noqa: ARG002 - a new monitor keeps nothing
        """Return what is stored and cannot be kept beside the values to write."""
        return []

    def tell(self, refused: Refused) -> None:
        """Put each fault at its field, and ask for what is write-only once more."""
        super().tell(refused)
        if self.errors:
            for field in (self[name] for name in SECRET):
                if field.data and not field.errors:
                    field.errors = [TYPE_AGAIN]

    def fields(self) -> MonitorFields:
        """Return what is to be written of a new monitor; what could not be read is left out."""
        whole = {name: self[name].data for name in PLAIN} | self.secrets()
        return cast("MonitorFields", {name: value for name, value in whole.items() if name not in self.errors})

    def secrets(self) -> dict[str, Any]:
        """Return what is write-only, as typed."""
        headers = {} if self.headers.errors else read_headers(self.headers.data or "")
        return {"headers": headers, "body": self.body.data, "auth": self.credentials()}

    def credentials(self) -> dict[str, Any]:
        """Return the credentials, as typed."""
        return {"type": self.auth_type.data} | {name: self[name].data for name in CREDENTIALS}

    def aim(self, fault: Refused) -> Refused:
        """Tell what is wrong with credentials at the one of their fields that it is about."""
        return Invalid(self._at(fault).name, str(fault)) if isinstance(fault, Invalid) else fault

    def _at(self, fault: Refused) -> Any:
        """Return the field to tell a fault at; credentials have one for each of their parts."""
        parts = {"none": "auth_type", "basic": "username", "bearer": "token"}
        return self[parts.get(self.auth_type.data, "auth_type") if fault.field == "auth" else fault.field or "name"]


PLAIN = ("name", "url", "method", "project_id", "interval_seconds", "timeout_seconds", "expected_status", "verify_tls")
"""The fields that pages show."""


class EditForm(MonitorForm):
    """**Save**: what is write-only stays when it is left empty, unless its box says to remove it."""

    noun = "monitor"
    compared = (*PLAIN, "auth_type")

    clear_headers = BooleanField("Remove the stored headers")
    clear_body = BooleanField("Remove the stored body")

    def __init__(self, monitor: Monitor, **options: Any) -> None:
        super().__init__(obj=monitor, **options)
        self._monitor, self.stored_method = monitor, monitor.method

    @classmethod
    def of(cls, monitor: Monitor) -> "EditForm":
        """Return the form for a change, filled with what the monitor is; of what is write-only it holds nothing."""
        return cls(monitor, formdata=None).marked()

    def fields(self) -> MonitorFields:
        """Return what is to be written of the monitor: only what differs from what it is."""
        whole = super().fields()
        changed = {name: value for name, value in whole.items() if name not in PLAIN or value != getattr(self._monitor, name)}
        return cast("MonitorFields", changed)

    def unfit(self, values: dict[str, Any]) -> list[Invalid]:
        """Return what is stored and cannot be kept beside the values to write: another server gets none of it."""
        return check_kept(self._monitor, values, self.fields().keys())

    def secrets(self) -> dict[str, Any]:
        """Return what is write-only where it was typed or is to go."""
        typed = super().secrets()
        kept: set[str] = set()
        if not typed["headers"] and not self.clear_headers.data:
            kept.add("headers")
        if not typed["body"] and not self.clear_body.data:
            kept.add("body")
        if self.auth_type.data == self._monitor.auth_type and not any(self[name].data for name in CREDENTIALS):
            kept.add("auth")
        return {name: value for name, value in typed.items() if name not in kept}


def read_headers(text: str) -> dict[str, str]:
    """Return the headers of lines such as `Name: value`; raises ValidationError."""
    headers: dict[str, str] = {}
    for number, line in enumerate(text.split("\n"), 1):
        name, colon, value = (each.strip(" \t") for each in line.partition(":"))
        if not name and not colon:
            continue
        if not colon:
            raise ValidationError(f"Line {number} has no colon: write each header as Name: value.")
        if name in headers:
            raise ValidationError("Give each header once.")
        headers[name] = value
    return headers


def spoken(seconds: int) -> str:
    """Return an interval as people say it: `5 s`, `1 min`, `1 h`."""
    for unit, length in (("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"
