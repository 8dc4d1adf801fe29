"""API keys are recognized by their HMAC, and it is noted when they were used last."""

import hmac
from datetime import datetime, timedelta

from django.db.models import Q

from accounts.models import ApiKey, Membership
from accounts.selectors import allowed_now
from opencore.addresses import is_within
from opencore.api_keys import KeyText, read_key
from opencore.authentication import KeyPrincipal
from opencore.claims import KeyClaims
from opencore.context import Actor, act_as
from opencore.hashing import lookup_hash, lookup_hashes
from opencore.tenancy import show_key

PURPOSE = "api key"
# The last use is written at most so often.
NOTED_EVERY = timedelta(minutes=1)
# What is compared where there is no key, so that this takes no less time.
_NOBODYS = bytes(32)


def recognize_key(
    *, credentials: str, address: str, now: datetime
) -> KeyPrincipal | None:
    """Return whose key this is, and let the rest of the request be theirs.

    None if it is no key, or one that is not good now or not from this address. What
    it allows is asked with each deed: it depends on the holder's role.
    """
    text = read_key(credentials)
    key = None if text is None else _proved(text)
    if key is None or not _is_good(key, address, now):
        return None
    act_as(_actor_of(key))
    if not _has_a_holder(key):
        return None
    _note_use(key, credentials, now)
    return KeyPrincipal(
        key_id=key.id,
        organization_id=key.organization_id,
        service_account_id=key.service_account_id,
        user_id=key.user_id,
        scopes=frozenset(key.scopes),
    )


def look_up_key(*, credentials: str, address: str, now: datetime) -> KeyClaims | None:
    """Return what a key allows now, to a gateway; None if it is not good from there.

    It serves all tenants, so requests to the API do without.
    """
    text = read_key(credentials)
    key = None if text is None else _proved(text)
    if key is None or not _is_good(key, address, now) or not _has_a_holder(key):
        return None
    allowed = allowed_now(key=key)
    if allowed is None:
        return None
    _note_use(key, credentials, now)
    return KeyClaims(
        key_id=key.id,
        organization_id=key.organization_id,
        scopes=allowed,
        issued_at=now,
        service_account_id=key.service_account_id,
        user_id=key.user_id,
        networks=tuple(key.networks),
        expires_at=key.expires_at,
    )


def _proved(text: KeyText) -> ApiKey | None:
    """Return the key of which somebody has the whole text."""
    show_key(text.prefix)
    key = ApiKey.objects.select_related("user").filter(prefix=text.prefix).first()
    stored = _NOBODYS if key is None else bytes(key.secret_hmac)
    possible = lookup_hashes(text.text, purpose=PURPOSE)
    # All are compared, whichever is the right one.
    right = [hmac.compare_digest(stored, each) for each in possible]
    return key if any(right) else None


def _is_good(key: ApiKey, address: str, now: datetime) -> bool:
    networks = tuple(key.networks)
    return key.is_live(now) and (not networks or is_within(address, networks))


def _has_a_holder(key: ApiKey) -> bool:
    """Tell whether whose key it is still belongs to the organization.

    With a service account its keys end. Who left and came back is given new ones.
    """
    if key.user is None:
        return True
    return (
        key.user.is_active
        and Membership.objects.filter(
            organization_id=key.organization_id,
            user=key.user,
            created_at__lte=key.created_at,
        ).exists()
    )


def _actor_of(key: ApiKey) -> Actor:
    if key.user_id is not None:
        return Actor(kind="user", actor_id=key.user_id, api_key_id=key.id)
    assert key.service_account_id is not None  # noqa: S101 -- a constraint says so
    return Actor(
        kind="service_account", actor_id=key.service_account_id, api_key_id=key.id
    )


def _note_use(key: ApiKey, credentials: str, now: datetime) -> None:
    long_ago = now - NOTED_EVERY
    if key.last_used_at is not None and key.last_used_at > long_ago:
        return
    # Of many requests at once, the first writes; a key is found by the newest pepper
    # from its next use on, so that an old one can be dropped.
    ApiKey.objects.filter(
        Q(last_used_at=None) | Q(last_used_at__lte=long_ago), id=key.id
    ).update(last_used_at=now, secret_hmac=lookup_hash(credentials, purpose=PURPOSE))
