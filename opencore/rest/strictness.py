"""Which values of JSON a field takes: none that would have to be made another."""

import re
from collections.abc import Callable
from typing import Any

from rest_framework import serializers

# RFC 3339: a time without a zone is another one to everybody.
TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", re.I)
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.I)


class WholeNumber(serializers.IntegerField):
    """Accepts a JSON integer, however it is spelled: 1, 1.0 and 1e0 are one number."""

    def to_internal_value(self, data: Any) -> int:  # noqa: ANN401 -- the signature is the framework's
        """Return the number."""
        return super().to_internal_value(int(data) if _is_whole(data) else data)


def _is_whole(value: object) -> bool:
    if isinstance(value, float):
        return value.is_integer()
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_time(value: object) -> bool:
    return isinstance(value, str) and TIME.fullmatch(value) is not None


def _is_uuid(value: object) -> bool:
    return isinstance(value, str) and UUID.fullmatch(value) is not None


KINDS: tuple[
    tuple[type[serializers.Field[Any, Any, Any, Any]], Callable[[object], bool], str],
    ...,
] = (
    (serializers.BooleanField, lambda value: isinstance(value, bool), "true or false"),
    (serializers.IntegerField, _is_whole, "a whole number"),
    (serializers.FloatField, _is_number, "a number"),
    (serializers.UUIDField, _is_uuid, "a UUID with its hyphens"),
    (serializers.DateTimeField, _is_time, "a time of RFC 3339 with its zone"),
    (serializers.CharField, lambda value: isinstance(value, str), "a string"),
    (serializers.ChoiceField, lambda value: isinstance(value, str), "a string"),
)


def unlike(field: serializers.Field[Any, Any, Any, Any], value: object) -> Any:  # noqa: ANN401 -- lists of errors, or dicts of them
    """Return the errors of a value that would have to be made another; else None."""
    if isinstance(field, serializers.ListField) and isinstance(value, list):
        each = {place: unlike(field.child, item) for place, item in enumerate(value)}
        return {place: errors for place, errors in each.items() if errors} or None
    for known, fits, kind in KINDS:
        if isinstance(field, known):
            if value is None or fits(value):
                return None
            return [serializers.ErrorDetail(f"Use {kind}.", "wrong_type")]
    return None
