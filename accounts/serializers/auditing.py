"""The record of who did what."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.models import AuditEntry, AuditExport
from accounts.selectors.auditing import RECORD
from accounts.serializers.fields import page_of
from opencore.rest import StrictSerializer, Text


class PersonalAnswer(serializers.Serializer[Any]):
    """Where somebody did it from; it is gone once they were erased."""

    ip = serializers.CharField()
    user_agent = serializers.CharField()


class AuditEntryAnswer(serializers.Serializer[Any]):
    """One thing that somebody did."""

    id = serializers.UUIDField(source="entry_id")
    occurred_at = serializers.DateTimeField()
    actor_id = serializers.UUIDField(allow_null=True)
    actor_kind = serializers.ChoiceField(AuditEntry.ActorKind.choices)
    on_behalf_of = serializers.UUIDField(allow_null=True)
    action = serializers.CharField()
    outcome = serializers.ChoiceField(AuditEntry.Outcome.choices)
    target_id = serializers.UUIDField()
    justification = serializers.CharField()
    metadata = serializers.DictField(child=serializers.CharField())
    request_id = serializers.CharField()
    personal = PersonalAnswer(allow_null=True, source="personal.data", default=None)


class AnchorAnswer(serializers.Serializer[Any]):
    """Where in Kafka a chain's head can be read by others."""

    number = serializers.IntegerField()
    hash = serializers.CharField()
    event_id = serializers.UUIDField()
    topic = serializers.CharField()
    partition = serializers.IntegerField()
    offset = serializers.IntegerField()
    anchored_at = serializers.DateTimeField()


class ChainHeadAnswer(serializers.Serializer[Any]):
    """The end of an organization's chain; keep it, to compare with it later."""

    number = serializers.IntegerField()
    hash = serializers.CharField(allow_null=True)
    sealed_at = serializers.DateTimeField(allow_null=True)
    anchor = AnchorAnswer(allow_null=True)


@extend_schema_field(RECORD.described())
class Filters(serializers.DictField):
    """Accepts the filters of the record's list, each as a text."""

    child = Text()


class NewAuditExport(StrictSerializer):
    """What shall be written, and how; the filters are those of the list."""

    format = serializers.ChoiceField(AuditExport.Format.choices)
    filters = Filters(required=False, default=dict)


class AuditExportAnswer(serializers.Serializer[Any]):
    """An export, and how far it is; with its digest once it is done."""

    id = serializers.UUIDField()
    requested_by = serializers.UUIDField()
    format = serializers.ChoiceField(AuditExport.Format.choices)
    filters = serializers.DictField(child=serializers.CharField())
    status = serializers.ChoiceField(AuditExport.Status.choices)
    reason = serializers.SerializerMethodField(
        help_text="Why it failed: too_many_rows, of which a file holds a million"
        " (narrow it by time, and ask for the rest apart), or error."
    )
    rows = serializers.IntegerField(allow_null=True)
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    size = serializers.IntegerField(source="file.size", allow_null=True, default=None)
    sha256 = serializers.SerializerMethodField()
    expires_at = serializers.DateTimeField(
        source="file.expires_at", allow_null=True, default=None
    )

    def get_reason(self, export: AuditExport) -> str | None:
        """Return why it failed, if it did."""
        return export.reason or None

    def get_sha256(self, export: AuditExport) -> str | None:
        """Return the digest of the file in hexadecimal digits."""
        return None if export.file is None else bytes(export.file.sha256).hex()


AuditEntryPage = page_of("AuditEntryPage", AuditEntryAnswer(many=True))
AuditExportPage = page_of("AuditExportPage", AuditExportAnswer(many=True))
