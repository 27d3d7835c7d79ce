"""The schemas of bodies and replies, as the OpenAPI document and the page for people tell them."""

from collections.abc import Mapping
from functools import cache
from typing import Any, cast

from pydantic.json_schema import JsonSchemaMode, models_json_schema

from pulse.api.operations import OPERATIONS, Operation

REFERENCES = "#/components/schemas/{model}"


def ordered() -> list[Operation]:
    """Return all operations by path."""
    return sorted(OPERATIONS.values(), key=lambda each: (each.path, each.method))


def spelled(schema: Any) -> Any:
    """Return a schema in the document's words: bounds that a validator of ours has hidden from pydantic, and no default of null.

    A field that is left out is not one that is null: what then holds is told where it is known.
    """
    if isinstance(schema, list):
        return [spelled(each) for each in cast("list[Any]", schema)]
    if not isinstance(schema, dict):
        return schema
    words = {"ge": "minimum", "le": "maximum"}
    told = cast("dict[str, Any]", schema)
    return {words.get(name, name): spelled(each) for name, each in told.items() if (name, each) != ("default", None)}


@cache
def _schemas() -> tuple[dict[tuple[type, JsonSchemaMode], str], dict[str, Any]]:
    bodies: list[tuple[Any, JsonSchemaMode]] = [(each.body, "validation") for each in ordered() if each.body]
    replies: list[tuple[Any, JsonSchemaMode]] = [(each.reply, "serialization") for each in ordered() if each.reply]
    wanted = list(dict.fromkeys(bodies + replies))
    references, definitions = models_json_schema(wanted, ref_template=REFERENCES)
    named = {key: value["$ref"].rpartition("/")[2] for key, value in references.items()}
    return named, spelled(definitions.get("$defs", {}))  # pyright: ignore[reportReturnType] - keyed by the models that were given


def names() -> Mapping[tuple[type, JsonSchemaMode], str]:
    """Return how the document calls each model."""
    return _schemas()[0]


def schemas() -> Mapping[str, Any]:
    """Return the schemas of all models."""
    return _schemas()[1]
