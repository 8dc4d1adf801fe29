"""Adds to each operation what follows from what it declares."""

from collections.abc import Iterator
from typing import Any

from opencore.describing.conditions import add_conditions
from opencore.describing.examples import add_examples
from opencore.describing.keys import say_where_keys_serve
from opencore.describing.linking import add_links

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
    add_links(result["paths"], result["components"]["schemas"])
    add_examples(result["paths"], result["components"]["schemas"])
    return result


def _operations(result: Json) -> Iterator[Json]:
    for methods in result["paths"].values():
        yield from methods.values()
