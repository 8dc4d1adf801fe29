"""Fields and shapes that several endpoints share."""

from typing import Any

from drf_spectacular.utils import inline_serializer
from rest_framework import serializers

from opencore.rest import StrictSerializer

LONGEST_NAME = 100


class Address(serializers.EmailField):
    """Accepts an e-mail address in ASCII: letters that look alike are other people."""

    default_error_messages = {"not_ascii": "Write the domain in its ASCII form."}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=254, **kwargs)

    def to_internal_value(self, data: Any) -> str:  # noqa: ANN401 -- the signature is the framework's
        """Return the address as it was written, without spaces around it."""
        if not isinstance(data, str):
            self.fail("invalid")
        if not data.isascii():
            self.fail("not_ascii")
        return super().to_internal_value(data)


class ListQuery(StrictSerializer):
    """Which page of a list."""

    limit = serializers.IntegerField(required=False, min_value=1, max_value=100)
    cursor = serializers.CharField(required=False)


def page_of(name: str, row: serializers.Serializer[Any]) -> serializers.Serializer[Any]:
    """Return the shape of a page of rows."""
    return inline_serializer(
        name,
        {
            "data": row,
            "next_cursor": serializers.CharField(allow_null=True),
            "has_more": serializers.BooleanField(),
        },
    )
