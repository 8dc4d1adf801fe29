"""Follows the references of a description."""

from typing import Any

Json = dict[str, Any]


def resolved(schema: Json, schemas: Json) -> Json:
    """Return a schema that is no reference, with its parts of allOf put together."""
    while "$ref" in schema:
        schema = schemas[schema["$ref"].rsplit("/", 1)[1]]
    if "allOf" not in schema:
        return schema
    whole: Json = {key: value for key, value in schema.items() if key != "allOf"}
    for part in schema["allOf"]:
        each = resolved(part, schemas)
        merged = {**whole.get("properties", {}), **each.get("properties", {})}
        whole = {**each, **whole, **({"properties": merged} if merged else {})}
    return whole
