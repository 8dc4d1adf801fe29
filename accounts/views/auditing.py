"""The record of who did what."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import selectors
from accounts.models import AuditEntry
from accounts.roles import Permission
from accounts.serializers.auditing import AuditEntryAnswer, AuditEntryPage
from accounts.serializers.fields import ListQuery
from opencore.authentication import caller_of
from opencore.rest import page, read_query


class AuditEntriesView(APIView):
    """What was done in an organization."""

    @extend_schema(
        operation_id="list_audit_events",
        parameters=[ListQuery],
        responses=AuditEntryPage,
    )
    def get(self, request: Request, organization_id: UUID) -> Response:
        """List who did what to owners and admins, newest first."""
        read_query(ListQuery, request)
        access = selectors.access_to(
            organization_id, caller_of(request), Permission.AUDIT_READ
        )
        entries = selectors.audit_entries_of(organization=access.organization)
        return page(entries, request, key=("seq",)).answer(_show_entry)


def _show_entry(entry: AuditEntry) -> Any:  # noqa: ANN401 -- JSON is any value
    return AuditEntryAnswer(entry).data
