"""Files that hold the record of an organization."""

import base64

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts import services
from accounts.models import AuditExport
from opencore.admin import ReadOnlyAdmin


@admin.register(AuditExport)
class AuditExportAdmin(ReadOnlyAdmin):
    """Exports of the record; they are asked for on the page of an organization."""

    list_display = (
        *("created_at", "organization_id", "requested_by", "format", "status"),
        *("rows", "download"),
    )
    list_filter = ("status", "format")
    list_select_related = ("file",)
    search_fields = ("=id", "=organization_id", "=requested_by")
    ordering = ("-created_at",)
    fields = (
        *("id", "organization_id", "requested_by", "format", "filters", "status"),
        *("rows", "created_at", "finished_at", "digest", "download"),
    )

    def get_urls(self) -> list[URLPattern]:
        """Add where the file is."""
        content = path(
            "<uuid:export_id>/content/",
            self.admin_site.admin_view(self.content),
            name="accounts_auditexport_content",
        )
        return [content, *super().get_urls()]

    @admin.display(description="SHA-256")
    def digest(self, export: AuditExport) -> str:
        """Return the digest of the file."""
        return "" if export.file is None else bytes(export.file.sha256).hex()

    @admin.display(description="file")
    def download(self, export: AuditExport) -> SafeString | str:
        """Return a link to the file, while there is one."""
        if export.file is None or export.file.expires_at <= timezone.now():
            return ""
        place = reverse("admin:accounts_auditexport_content", args=[export.pk])
        return format_html('<a href="{}">{}</a>', place, export.file.name)

    def content(self, request: HttpRequest, export_id: object) -> HttpResponseBase:
        """Return the file with its digest."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        export = self.get_queryset(request).filter(pk=export_id).first()
        file = None if export is None else export.file
        if file is None or file.expires_at <= timezone.now():
            raise Http404
        digest = base64.b64encode(bytes(file.sha256)).decode()
        return StreamingHttpResponse(
            services.parts_of(file),
            content_type=file.media_type,
            headers={
                "Content-Disposition": f'attachment; filename="{file.name}"',
                "Repr-Digest": f"sha-256=:{digest}:",
                "Cache-Control": "no-store",
            },
        )
