"""The record of who did what."""

import base64
from http import HTTPStatus
from typing import Any
from uuid import UUID

from django.http import StreamingHttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import selectors, services
from accounts.models import AuditAnchor, AuditEntry, AuditExport, File
from accounts.roles import Permission
from accounts.selectors.auditing import (
    EXPORTS,
    RECORD,
    ChainHead,
    exports_of,
    get_export,
    get_export_file,
    head_of,
    personal_of,
)
from accounts.serializers.auditing import (
    AuditEntryAnswer,
    AuditEntryPage,
    AuditExportAnswer,
    AuditExportPage,
    ChainHeadAnswer,
    NewAuditExport,
)
from opencore.authentication import caller_of
from opencore.idempotency import repeatable
from opencore.rest import read_body


def _access(
    organization_id: UUID, request: Request, permission: Permission
) -> selectors.Access:
    return selectors.access_to(organization_id, caller_of(request), permission)


class AuditEntriesView(APIView):
    """What was done in an organization."""

    @extend_schema(
        operation_id="list_audit_events",
        parameters=RECORD.parameters(),
        responses=AuditEntryPage,
    )
    def get(self, request: Request, organization_id: UUID) -> Response:
        """List who did what to owners and admins, newest first."""
        asked = RECORD.read(request)
        access = _access(organization_id, request, Permission.AUDIT_READ)
        entries = selectors.audit_entries_of(organization=access.organization)
        return asked.page(entries).answer(_show_entry)


class ChainHeadView(APIView):
    """How far the record of an organization is proved."""

    @extend_schema(operation_id="read_audit_head", responses=ChainHeadAnswer)
    def get(self, request: Request, organization_id: UUID) -> Response:
        """Show the number and the hash of the newest sealed entry, and its anchor."""
        access = _access(organization_id, request, Permission.AUDIT_READ)
        return Response(_show_head(head_of(chain_id=access.organization.id)))


class AuditExportsView(APIView):
    """The exports of an organization's record."""

    @extend_schema(
        operation_id="list_audit_exports",
        parameters=EXPORTS.parameters(),
        responses=AuditExportPage,
    )
    def get(self, request: Request, organization_id: UUID) -> Response:
        """List the exports that were asked for, newest first."""
        asked = EXPORTS.read(request)
        access = _access(organization_id, request, Permission.AUDIT_EXPORT)
        exports = exports_of(organization=access.organization)
        return asked.page(exports).answer(_show_export)

    @extend_schema(
        operation_id="create_audit_export",
        request=NewAuditExport,
        responses={HTTPStatus.ACCEPTED: AuditExportAnswer},
    )
    @repeatable
    def post(self, request: Request, organization_id: UUID) -> Response:
        """Ask for the record as a file; Location says where to see how far it is."""
        body = read_body(NewAuditExport, request)
        access = _access(organization_id, request, Permission.AUDIT_EXPORT)
        export = services.request_audit_export(
            organization_id=access.organization.id,
            export_format=AuditExport.Format(body["format"]),
            filters=body["filters"],
            actor_id=access.actor_id,
        )
        place = f"{request.path}/{export.id}"
        return Response(
            _show_export(export), HTTPStatus.ACCEPTED, headers={"Location": place}
        )


class AuditExportView(APIView):
    """One export."""

    @extend_schema(operation_id="read_audit_export", responses=AuditExportAnswer)
    def get(self, request: Request, organization_id: UUID, export_id: UUID) -> Response:
        """Show how far an export is."""
        access = _access(organization_id, request, Permission.AUDIT_EXPORT)
        found = get_export(organization=access.organization, export_id=export_id)
        return Response(_show_export(found))


class AuditExportContentView(APIView):
    """What an export wrote."""

    @extend_schema(
        operation_id="read_audit_export_content",
        responses={
            (HTTPStatus.OK, "application/x-ndjson"): OpenApiTypes.BINARY,
            (HTTPStatus.OK, "text/csv"): OpenApiTypes.BINARY,
        },
    )
    def get(
        self, request: Request, organization_id: UUID, export_id: UUID
    ) -> StreamingHttpResponse:
        """Return the file, which is kept for a week; its digest comes with it."""
        access = _access(organization_id, request, Permission.AUDIT_EXPORT)
        file = get_export_file(
            organization=access.organization, export_id=export_id, now=timezone.now()
        )
        return StreamingHttpResponse(services.parts_of(file), headers=_headers_of(file))


def _headers_of(file: File) -> dict[str, str]:
    digest = base64.b64encode(bytes(file.sha256)).decode()
    return {
        "Cache-Control": "no-store",
        "Content-Type": file.media_type,
        "Content-Length": str(file.size),
        "Content-Disposition": f'attachment; filename="{file.name}"',
        "Repr-Digest": f"sha-256=:{digest}:",
    }


def _show_entry(entry: AuditEntry) -> Any:  # noqa: ANN401 -- JSON is any value
    personal = personal_of(entry)
    shown = AuditEntryAnswer(entry).data
    return {**shown, "personal": None if personal is None else personal.data}


def _show_head(head: ChainHead) -> Any:  # noqa: ANN401 -- JSON is any value
    return ChainHeadAnswer(
        {
            "number": head.number,
            "hash": head.hash.hex() or None,
            "sealed_at": head.sealed_at,
            "anchor": _plain_anchor(head.anchor),
        }
    ).data


def _plain_anchor(anchor: AuditAnchor | None) -> dict[str, Any] | None:
    if anchor is None:
        return None
    return {**vars(anchor), "hash": bytes(anchor.hash).hex()}


def _show_export(export: AuditExport) -> Any:  # noqa: ANN401 -- JSON is any value
    return AuditExportAnswer(export).data
