"""The record of who did what."""

from django.db.models import QuerySet

from accounts.models import AuditEntry, Organization


def audit_entries_of(*, organization: Organization) -> QuerySet[AuditEntry]:
    """Return what was done in an organization."""
    return AuditEntry.objects.filter(organization_id=organization.id)
