"""Staff who act, or acted, as people."""

from uuid import UUID

from django.db.models import QuerySet

from accounts.models import Impersonation


def impersonations(
    *, user_id: UUID | None, impersonator_id: UUID | None
) -> QuerySet[Impersonation]:
    """Return who acted as whom; of one person, or by one of the staff, if named."""
    found = Impersonation.objects.all()
    if user_id is not None:
        found = found.filter(user_id=user_id)
    if impersonator_id is not None:
        found = found.filter(impersonator_id=impersonator_id)
    return found
