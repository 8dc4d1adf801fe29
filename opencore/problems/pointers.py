"""Turns a serializer's nested errors into a flat list with JSON pointers."""

from collections.abc import Iterator, Mapping
from typing import Any

from opencore.errors import FieldProblem

WHOLE = "non_field_errors"


def pointer_to(*parts: str | int) -> str:
    """Return RFC 6901's pointer to a part of a document; no parts are the whole."""
    return "".join(
        "/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts
    )


def field_problems(details: object) -> tuple[FieldProblem, ...]:
    """Return each problem that rest_framework's full details hold."""
    return tuple(_walk(details, ()))


def _walk(details: Any, path: tuple[str | int, ...]) -> Iterator[FieldProblem]:  # noqa: ANN401 -- nested lists and objects of any depth
    if isinstance(details, Mapping) and set(details) == {"message", "code"}:
        yield FieldProblem(pointer_to(*path), details["code"], str(details["message"]))
    elif isinstance(details, Mapping):
        for name, inner in details.items():
            yield from _walk(inner, path if name == WHOLE else (*path, name))
    elif isinstance(details, list):
        for index, inner in enumerate(details):
            leaf = isinstance(inner, Mapping) and set(inner) == {"message", "code"}
            yield from _walk(inner, path if leaf else (*path, index))
