"""Adds to each operation what follows from what it declares."""

from collections.abc import Iterator
from typing import Any

from opencore.describing.conditions import add_conditions
from opencore.describing.examples import add_examples
from opencore.describing.keys import say_where_keys_serve
from opencore.describing.linking import add_links
from opencore.describing.resolving import resolved

Json = dict[str, Any]
VERSION_HEADER = {
    "description": "The version of OpenCore that answered.",
    "schema": {"type": "string"},
}


def complete(
    result: Json,
    generator: object,  # noqa: ARG001 -- the signature is drf-spectacular's
    request: object,  # noqa: ARG001 -- as above
    public: bool,  # noqa: ARG001 -- as above
) -> Json:
    """Add conditions, links, examples and the headers that all answers have."""
    say_where_keys_serve(result["paths"])
    for operation in _operations(result):
        add_conditions(operation)
        for answer in operation["responses"].values():
            answer.setdefault("headers", {})["OpenCore-Version"] = VERSION_HEADER
    _say_once(result)
    schemas = result["components"]["schemas"]
    for operation in _operations(result):
        _require_body(operation, schemas)
    add_links(result["paths"], result["components"]["schemas"])
    add_examples(result["paths"], result["components"]["schemas"])
    return result


def _say_once(part: object) -> None:
    # Null is one of "anything", and of oneOf exactly one may hold.
    if isinstance(part, dict):
        if part.get("oneOf") == [{}, {"type": "null"}]:
            del part["oneOf"]
        part = list(part.values())
    if isinstance(part, list):
        for each in part:
            _say_once(each)


def _require_body(operation: Json, schemas: Json) -> None:
    body = operation.get("requestBody", {})
    content = body.get("content", {}).get("application/json")
    if content is not None and not _may_be_empty(content["schema"], schemas):
        body["required"] = True


def _may_be_empty(schema: Json, schemas: Json) -> bool:
    schema = resolved(schema, schemas)
    options = schema.get("oneOf")
    return not schema.get("required") and (
        options is None or any(_may_be_empty(each, schemas) for each in options)
    )


def _operations(result: Json) -> Iterator[Json]:
    for methods in result["paths"].values():
        yield from methods.values()
