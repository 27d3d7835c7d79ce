"""The types that bodies, queries and replies are made of."""

from datetime import UTC, datetime
from typing import Annotated, Any, Generic, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, StrictBool, StrictStr


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _storable(text: str) -> str:
    """Refuse what no database can look for: NUL and lone surrogates."""
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError("This has characters that cannot be stored.")
    return text


def _whole(value: Any) -> Any:
    """Take 60.0 for 60, as JSON Schema does; refuse booleans and text, which pydantic would take."""
    if isinstance(value, bool | str):
        raise ValueError("Give a whole number.")
    return int(value) if isinstance(value, float) and value.is_integer() else value


Moment = Annotated[datetime, PlainSerializer(_iso, return_type=str, when_used="json")]
"""A time, as ISO 8601 in UTC with `Z` and milliseconds."""

WholeNumber = Annotated[int, BeforeValidator(_whole), Field(ge=-(2**63), lt=2**63)]
Text = StrictStr
Switch = StrictBool
Sought = Annotated[str, AfterValidator(_storable)]
"""Text that is looked for in the database."""


class In(BaseModel):
    """A body or a query: what it does not know it refuses."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_max_length=65536)


class Out(BaseModel):
    """A reply, read from the attributes of whatever a view returns."""

    model_config = ConfigDict(from_attributes=True, frozen=True)


class Nothing(In):
    """No fields at all."""


Item = TypeVar("Item")


class Page(Out, Generic[Item]):
    """One page of a list, and where the next begins."""

    data: list[Item]
    next_cursor: str | None
