"""Service accounts and API keys of an organization, to its own people."""

from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet

from accounts.models import ApiKey, Organization, ServiceAccount
from opencore.errors import NotFound


def service_accounts_of(*, organization: Organization) -> QuerySet[ServiceAccount]:
    """Return the service accounts, the disabled ones among them."""
    return ServiceAccount.objects.filter(organization=organization)


def get_service_account(
    *, organization: Organization, account_id: UUID
) -> ServiceAccount:
    """Return a service account; raises NotFound."""
    account = service_accounts_of(organization=organization).filter(id=account_id)
    found = account.first()
    if found is None:
        raise NotFound
    return found


def api_keys_of(*, organization: Organization) -> QuerySet[ApiKey]:
    """Return the keys, the revoked ones among them."""
    return ApiKey.objects.filter(organization=organization)


def get_api_key(*, organization: Organization, key_id: UUID) -> ApiKey:
    """Return a key; raises NotFound."""
    found = api_keys_of(organization=organization).filter(id=key_id).first()
    if found is None:
        raise NotFound
    return found


def api_keys_revoked_since(*, since: datetime) -> QuerySet[ApiKey]:
    """Return the keys that were revoked lately."""
    return ApiKey.objects.filter(revoked_at__gt=since).order_by("revoked_at")
