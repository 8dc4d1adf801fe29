"""Sessions."""

from datetime import datetime

from django.db.models import QuerySet

from accounts.models import Session


def sessions_revoked_since(*, since: datetime) -> QuerySet[Session]:
    """Return the sessions that were ended before their time, lately."""
    return Session.objects.filter(revoked_at__gt=since).order_by("revoked_at")
