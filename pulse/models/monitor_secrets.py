"""What a monitor keeps of its write-only parts (header values, body, credentials) when something else of it changes."""

from collections.abc import Collection, Mapping
from typing import Any, Protocol

from pulse.models.monitor_fields import NO_BODY, TWICE, has_authorization
from pulse.models.refusals import Invalid
from pulse.probe import WITH_BODY, origin_of

ELSEWHERE = (
    "The new URL leads to another server, which must not get what is stored for the old one: enter this again, or clear it."
)


class Kept(Protocol):
    """What is stored of a monitor beside a change, as far as the change has to fit it."""

    url: Any
    method: Any
    header_names: Any
    auth_type: Any

    @property
    def has_body(self) -> bool:
        """Whether a request body is stored."""
        ...


def check_kept(stored: Kept, values: Mapping[str, Any], given: Collection[str]) -> list[Invalid]:
    """Return what is wrong with keeping what was not given, beside values that change.

    What is write-only stays with the server it was given for: else whoever may change a monitor could have it sent to their own.
    """
    held = {"headers": bool(stored.header_names), "body": stored.has_body, "auth": stored.auth_type != "none"}
    kept = [field for field, is_held in held.items() if is_held and field not in given]
    if "url" in values and kept and origin_of(values["url"]) != origin_of(stored.url):
        return [Invalid(field, ELSEWHERE) for field in kept]
    faults: list[Invalid] = []
    if "body" in kept and values.get("method", stored.method) not in WITH_BODY:
        faults.append(Invalid("body", NO_BODY))
    if "headers" in kept and values.get("auth") and has_authorization(stored.header_names):
        faults.append(Invalid("auth", TWICE))
    if "auth" in kept and has_authorization(values.get("headers", ())):
        faults.append(Invalid("headers", TWICE))
    return faults
