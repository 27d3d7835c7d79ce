"""Schemas in the words of the API's page for people."""

import json
from collections.abc import Iterator
from typing import Any

from pulse.api.shapes import schemas
from pulse.db import LARGEST

Schema = dict[str, Any]
NULL = {"type": "null"}
FORMATS = {"date-time": "time, ISO 8601 with a time zone", "email": "email address", "uri": "URL"}


def field(name: str, schema: Schema, *, required: bool = False) -> dict[str, Any]:
    """Return one field in the page's words."""
    default = json.dumps(schema["default"]) if "default" in schema else None
    return {"name": name, "required": required, "kind": kind(schema), "default": default, "about": schema.get("description", "")}


def fields_of(schema: Schema, within: str = "") -> Iterator[dict[str, Any]]:
    """Return the fields of an object, and after each one that is an object itself its own."""
    for name, value in schema.get("properties", {}).items():
        yield field(f"{within}{name}", value, required=name in schema.get("required", ()))
        yield from fields_of(plain(value), f"{within}{name}.")


def plain(schema: Schema) -> Schema:
    """Return a schema without its references, and as if it could not be null."""
    if "$ref" in schema:
        return plain(schemas()[schema["$ref"].rpartition("/")[2]])
    kinds = [each for each in schema.get("anyOf", ()) if each != NULL]
    return plain(kinds[0]) | {name: value for name, value in schema.items() if name != "anyOf"} if len(kinds) == 1 else schema


def kind(schema: Schema) -> str:
    """Return what a field may hold as people read it: `integer, 1 to 200`."""
    told = plain(schema)
    words = [f"one of {', '.join(str(each) for each in told['enum'] if each is not None)}"] if "enum" in told else spoken(told)
    return ", ".join(words) + (" or null" if NULL in schema.get("anyOf", ()) else "")


def spoken(schema: Schema) -> list[str]:
    """Return the words for a type and its bounds."""
    words = [FORMATS.get(schema.get("format", ""), str(schema.get("type", "any")))]
    if schema.get("type") == "array":
        words = [f"list of {kind(schema.get('items', {}))}"]
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None and high < LARGEST:
        words.append(f"{low} to {high:,}")
    for name, unit in (("maxLength", "characters"), ("maxItems", "entries"), ("maxProperties", "entries")):
        if name in schema:
            words.append(f"up to {schema[name]:,} {unit}")
    return words
