"""Describes bodies as they are read: nothing unknown, no text of nothing but spaces."""

from typing import Any

from drf_spectacular.extensions import OpenApiSerializerExtension
from rest_framework import serializers

from opencore.rest.serializers import StrictSerializer

Json = dict[str, Any]
# What Python strips, in the words of regular expressions everywhere.
SPACES = (
    r"\u0009-\u000d\u001c-\u0020\u0085\u00a0\u1680\u2000-\u200a"
    r"\u2028\u2029\u202f\u205f\u3000"
)
# PostgreSQL has no zero in texts.
TEXT = r"^[^\u0000]*$"
NOT_BLANK = rf"^[^\u0000]*[^\u0000{SPACES}][^\u0000]*$"


class StrictSerializerExtension(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]  # -- drf-spectacular leaves it out
    """Says of a strict body what it refuses."""

    target_class = StrictSerializer
    match_subclasses = True

    def map_serializer(self, auto_schema: Any, direction: Any) -> Json:  # noqa: ANN401 -- the signature is drf-spectacular's
        """Return the schema of the body."""
        schema: Json = auto_schema._map_serializer(
            self.target, direction, bypass_extensions=True
        )
        for name, field in self.target.fields.items():
            _narrow(schema["properties"].get(name, {}), field)
        return {**schema, "additionalProperties": False, **_choices(self.target)}


def _narrow(schema: Json, field: "serializers.Field[Any, Any, Any, Any]") -> None:
    if isinstance(field, serializers.ListField | serializers.DictField):
        _narrow(
            schema.get("items") or schema.get("additionalProperties") or {}, field.child
        )
    if not isinstance(field, serializers.CharField):
        return
    if field.allow_blank and "oneOf" in schema:
        # What the pattern allows as well must not be told twice: of oneOf one holds.
        schema |= schema.pop("oneOf")[0]
    if not {"format", "enum", "pattern"} & schema.keys():
        schema["pattern"] = TEXT if field.allow_blank else NOT_BLANK


def _choices(serializer: StrictSerializer) -> Json:
    if serializer.exactly_one:
        return {"oneOf": [{"required": [name]} for name in serializer.exactly_one]}
    if serializer.at_most_one:
        return {"not": {"required": list(serializer.at_most_one)}}
    return {}
