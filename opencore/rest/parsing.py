"""Reads JSON bodies, and only those that mean one thing to everybody."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import IO, Any, NoReturn

from django.conf import settings
from rest_framework.parsers import BaseParser

from opencore.errors import BodyTooLarge, DomainError, FieldProblem
from opencore.problems.pointers import pointer_to


class MalformedBody(DomainError):
    """The body is not JSON, or an object in it names a key twice."""

    code = "malformed_request"
    status = HTTPStatus.BAD_REQUEST


class StrictJSONParser(BaseParser):
    """Refuses what parsers disagree about: doubled keys, NaN, other encodings."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,  # noqa: ARG002 -- the signature is the framework's
        parser_context: Mapping[str, Any] | None = None,  # noqa: ARG002 -- the signature is the framework's
    ) -> Any:  # noqa: ANN401 -- JSON is any value
        """Return the body's value, or refuse it."""
        limit = int(settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 0)
        body = stream.read(limit + 1)
        if len(body) > limit:
            raise BodyTooLarge
        return parse_json(body)


def parse_json(body: bytes) -> Any:  # noqa: ANN401 -- JSON is any value
    """Return the value of a JSON text in UTF-8; raises MalformedBody."""
    try:
        return json.loads(
            body.decode(),
            object_pairs_hook=_unique_keys,
            parse_constant=_refuse_constant,
        )
    except json.JSONDecodeError as error:
        raise MalformedBody(
            f"The body is not JSON: {error.msg} in line {error.lineno},"
            f" column {error.colno}."
        ) from error
    except UnicodeDecodeError as error:
        raise MalformedBody("The body is not UTF-8.") from error
    except RecursionError as error:
        raise MalformedBody("The body is nested too deeply.") from error
    except ValueError as error:
        raise MalformedBody("A number in the body has too many digits.") from error


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) == len(pairs):
        return members
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            raise MalformedBody(
                f"The body names the key {name!r} twice.",
                errors=(FieldProblem(pointer_to(name), "duplicate", "Named twice."),),
            )
        seen.add(name)
    return members


def _refuse_constant(name: str) -> NoReturn:
    raise MalformedBody(f"{name} is not JSON.")
