"""The types that bodies, queries and replies are made of."""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import cache
from types import UnionType
from typing import Annotated, Any, Generic, TypeVar, Union, get_args, get_origin

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictStr,
    TypeAdapter,
    WithJsonSchema,
)
from pydantic.fields import FieldInfo
from pydantic_core import SchemaSerializer
from typing_extensions import TypedDict

from pulse.clock import iso
from pulse.db import LARGEST
from pulse.names import is_storable


def _storable(text: str) -> str:
    if not is_storable(text):
        raise ValueError("This has characters that cannot be stored.")
    return text


def _digits(value: Any) -> Any:
    """Take plain digits alone from a query: pydantic would take spaces, underscores and 5.0, too."""
    if isinstance(value, str) and not re.fullmatch(r"-?[0-9]{1,19}", value, re.ASCII):
        raise ValueError("Use a whole number.")
    return value


def _spelled(value: Any) -> Any:
    """Take ISO 8601 alone: pydantic would take seconds since 1970, too."""
    if isinstance(value, str) and not re.match(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ]", value, re.ASCII):
        raise ValueError("Use a time such as 2026-01-31T12:00:00Z.")
    if isinstance(value, str) and re.search(r":[0-9.,]+ [0-9]{2}:?[0-9]{2}\Z", value, re.ASCII):
        raise ValueError("Write + as %2B in an address, or use Z: 2026-01-31T12:00:00Z.")
    return value


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("This time is out of range.") from error


def _whole(value: Any) -> Any:
    """Take 60.0 for 60, as JSON Schema does; refuse booleans and text, which pydantic would take."""
    if isinstance(value, bool | str):
        raise ValueError("Use a whole number.")
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _as_told(value: Any) -> Any:
    return iso(value) if isinstance(value, datetime) else value


Moment = Annotated[str, BeforeValidator(_as_told), WithJsonSchema({"type": "string", "format": "date-time"})]
"""A time, as ISO 8601 in UTC with `Z` and milliseconds."""

WholeNumber = Annotated[int, BeforeValidator(_whole)]
Id = Annotated[int, BeforeValidator(_whole), Field(ge=1, le=LARGEST)]
Text = StrictStr
Switch = StrictBool
Sought = Annotated[str, Field(max_length=200), AfterValidator(_storable)]
"""Text that is looked for in the database."""
Count = Annotated[int, BeforeValidator(_digits)]
"""A number in a query."""
SoughtId = Annotated[int, BeforeValidator(_digits), Field(ge=1, le=LARGEST)]
"""An id in a query."""
Instant = Annotated[AwareDatetime, BeforeValidator(_spelled), AfterValidator(_in_utc)]
"""A time in a query: ISO 8601 with its zone."""


def documented(about: str | None = None, /, **words: Any) -> FieldInfo:
    """Return what the document says of a field besides its type; the rule itself is the model's."""
    return Field(description=about, json_schema_extra=words)


def defaulted(defaults: Mapping[str, Any]) -> ConfigDict:
    """Return the configuration of a body of which the document says what holds where a field is left out."""

    def tell(schema: dict[str, Any]) -> None:
        for name in defaults.keys() & schema["properties"].keys() - set(schema.get("required", ())):
            if defaults[name] is not None:
                schema["properties"][name]["default"] = defaults[name]

    return ConfigDict(json_schema_extra=tell)


def one_of(words: Iterable[str]) -> WithJsonSchema:
    """Return what the document says of text from a closed list, to which the models hold it."""
    return WithJsonSchema({"type": "string", "enum": [str(word) for word in words]})


class In(BaseModel):
    """A body or a query: what it does not know it refuses."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Out(BaseModel):
    """A reply, read from the attributes of whatever a view returns."""

    model_config = ConfigDict(from_attributes=True, frozen=True)


class JsonReady(dict[str, Any]):
    """What a schema says word for word: its own names, and values as JSON has them. It is written without being checked."""


def as_json(value: Any, schema: type[BaseModel]) -> bytes:
    """Return a value, or an object with the schema's attributes, as JSON; what the schema does not name is left out."""
    if isinstance(value, JsonReady):
        return _writer(schema).to_json(value)
    return schema.model_validate(value, from_attributes=True).model_dump_json(by_alias=True).encode()


@cache
def _writer(schema: type[BaseModel]) -> SchemaSerializer:
    """Return what writes `JsonReady` as JSON by its schema."""
    return TypeAdapter(_typed(schema)).serializer  # pyright: ignore[reportReturnType] - it is made at once


def _typed(kind: Any) -> Any:
    """Return a type with dictionaries in the place of models."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        fields = {name: _typed(field.rebuild_annotation()) for name, field in kind.model_fields.items()}
        return TypedDict(kind.__name__, fields)  # pyright: ignore[reportArgumentType] - its fields are known at run time alone
    origin, parts = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return Annotated[(_typed(parts[0]), *parts[1:])]
    if origin in (Union, UnionType):
        return Union[tuple(map(_typed, parts))]  # noqa: UP007 - of as many as there are
    return list[_typed(parts[0])] if origin is list else kind  # pyright: ignore[reportUnknownVariableType] - known at run time alone


class Nothing(In):
    """No fields at all."""


Item = TypeVar("Item")


class Page(Out, Generic[Item]):
    """One page of a list, and the cursor of the next."""

    data: list[Item]
    next_cursor: str | None
