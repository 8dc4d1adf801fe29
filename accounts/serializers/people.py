"""People."""

from typing import Any

from rest_framework import serializers


class UserAnswer(serializers.Serializer[Any]):
    """A person, to themselves."""

    id = serializers.UUIDField()
    email = serializers.EmailField()
    name = serializers.CharField()
    role = serializers.CharField()
    created_at = serializers.DateTimeField()
