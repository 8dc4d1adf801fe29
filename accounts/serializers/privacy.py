"""Requests for one's data or its erasure."""

from typing import Any

from rest_framework import serializers

from accounts.models import DataRequest
from accounts.serializers.fields import page_of
from opencore.rest import StrictSerializer


class NewDataRequest(StrictSerializer):
    """What somebody wants: a copy of their data, or its erasure."""

    kind = serializers.ChoiceField(choices=DataRequest.Kind.choices)


class DataRequestAnswer(serializers.Serializer[Any]):
    """A request for data or its erasure, and how far it is.

    An erasure begins after `not_before`; until then it can be cancelled.
    """

    id = serializers.UUIDField()
    kind = serializers.ChoiceField(choices=DataRequest.Kind.choices)
    status = serializers.ChoiceField(choices=DataRequest.Status.choices)
    created_at = serializers.DateTimeField()
    not_before = serializers.DateTimeField()
    due_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    expires_at = serializers.DateTimeField(
        source="file.expires_at", allow_null=True, default=None
    )


DataRequestPage = page_of("DataRequestPage", DataRequestAnswer(many=True))
