"""Generates the JSON schemas of the types that clients send and receive, with the limits in force."""

from collections.abc import Iterable
from typing import Any

import msgspec

from reichatd.settings import LimitSettings

JSON = dict[str, Any]
"""A JSON object."""

REF = "#/components/schemas/"
_LIMIT = "limits."


def schemas(
    requests: Iterable[type[msgspec.Struct]], responses: Iterable[type[msgspec.Struct]], limits: LimitSettings
) -> JSON:
    """The schemas of these types, and of all types in their fields, by name.

    Arguments:
        requests: what clients send: fields with a default may be absent.
        responses: what clients receive: all fields are present, except in types that omit defaults.
        limits: replace the names of limits in the types ("limits.message_chars").
    """
    _, components = msgspec.json.schema_components((*requests, *responses), ref_template=REF + "{name}")
    for kind in _with_parts(responses):
        schema = components[kind.__name__]
        if not kind.__struct_config__.omit_defaults:
            schema["required"] = list(schema["properties"])
    with_limits: JSON = filled(components, limits)
    return with_limits


def example(schema: JSON, components: JSON) -> Any:  # noqa: ANN401 - JSON
    """A valid value of this schema, from the examples in it.

    Arguments:
        components: the schemas that `$ref` refers to, by name.
    """
    if "$ref" in schema:
        return example(components[schema["$ref"].removeprefix(REF)], components)
    if "examples" in schema:
        return schema["examples"][0]
    if "enum" in schema:
        return schema["enum"][0]
    if schema.get("type") == "object":
        return {name: example(each, components) for name, each in schema.get("properties", {}).items()}
    if "anyOf" in schema:
        return example(schema["anyOf"][0], components)
    if schema.get("type") == "array":
        return [example(schema["items"], components)]
    return {"string": "…", "integer": 1, "number": 1.0, "boolean": False}[schema["type"]]


def _with_parts(kinds: Iterable[type[msgspec.Struct]]) -> set[type[msgspec.Struct]]:
    """These structs and all structs in their fields, recursively."""
    found: set[type[msgspec.Struct]] = set()
    waiting: list[msgspec.inspect.Type] = list(msgspec.inspect.multi_type_info(kinds))
    while waiting:
        match waiting.pop():
            case msgspec.inspect.StructType(cls=kind, fields=fields):
                if kind not in found:
                    found.add(kind)
                    waiting += (field.type for field in fields)
            case msgspec.inspect.Metadata(type=inner):
                waiting.append(inner)
            case msgspec.inspect.ListType(item_type=inner) | msgspec.inspect.VarTupleType(item_type=inner):
                waiting.append(inner)
            case msgspec.inspect.UnionType(types=types):
                waiting += types
    return found


def filled(value: Any, limits: LimitSettings) -> Any:  # noqa: ANN401 - JSON
    """JSON with the numbers of limits in place of their names."""
    if isinstance(value, dict):
        return {name: filled(each, limits) for name, each in value.items()}
    if isinstance(value, list):
        return [filled(each, limits) for each in value]
    if isinstance(value, str) and value.startswith(_LIMIT):
        return getattr(limits, value.removeprefix(_LIMIT))
    return value
