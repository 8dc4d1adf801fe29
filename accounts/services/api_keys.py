"""API keys: they are made, rotated with a time for both, and revoked."""

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from django.db import transaction

from accounts.errors import (
    ApiKeyEnded,
    RotatedAlready,
    ScopesExceedRole,
    ServiceAccountDisabled,
)
from accounts.models import ApiKey, AuditEntry, Organization, ServiceAccount
from accounts.services.auditing import record
from accounts.services.holding import lock_organization
from accounts.services.recognizing import PURPOSE
from accounts.services.revoking import refuse_api_keys
from opencore.api_keys import new_key_text
from opencore.errors import FieldProblem, Forbidden, NotFound
from opencore.events.org.v1 import ApiKeyCreated, ApiKeyRevoked, ApiKeyRotated
from opencore.hashing import lookup_hash
from opencore.problems.pointers import pointer_to
from outbox.publishing import emit

EndReason = Literal["revoked", "rotated", "disabled", "deleted", "erased", "operator"]


@dataclass(frozen=True, kw_only=True, slots=True)
class KeyWanted:
    """What a key shall be; without a service account it is its maker's own."""

    name: str
    scopes: Sequence[str]
    networks: Sequence[str] = ()
    service_account_id: UUID | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key and its text, which nobody is shown a second time."""

    key: ApiKey
    text: str

    def __repr__(self) -> str:
        return f"NewKey({self.key.prefix!r})"


@transaction.atomic
def create_api_key(
    *, organization_id: UUID, wanted: KeyWanted, allowed: Set[str], actor_id: UUID
) -> NewKey:
    """Make a key; `allowed` is what its maker's role allows, and no key more.

    Raises ScopesExceedRole, ServiceAccountDisabled, or NotFound without such an account.
    """
    organization = lock_organization(organization_id)
    _require_scopes(wanted.scopes, allowed)
    account = _account_of(organization, wanted)
    made = _insert(
        ApiKey(
            organization=organization,
            service_account=account,
            user_id=actor_id if account is None else None,
            name=wanted.name,
            scopes=sorted(set(wanted.scopes)),
            networks=list(wanted.networks),
            created_by=actor_id,
            expires_at=wanted.expires_at,
        )
    )
    key = made.key
    _record(AuditEntry.Action.API_KEY_CREATED, key, actor_id)
    emit(
        ApiKeyCreated(
            org_id=organization_id,
            key_id=key.id,
            prefix=key.prefix,
            scopes=" ".join(key.scopes),
            service_account_id=key.service_account_id,
            user_id=key.user_id,
            expires_at=key.expires_at,
            by=actor_id,
        )
    )
    return made


@transaction.atomic
def rotate_api_key(
    *,
    organization_id: UUID,
    key_id: UUID,
    overlap: timedelta,
    allowed: Set[str],
    actor_id: UUID,
    now: datetime,
) -> NewKey:
    """Make a key's successor; the old one is good for as long as `overlap` says.

    It lives as long as the old one was meant to. Raises NotFound, Forbidden for
    another person's key, ScopesExceedRole, ApiKeyEnded or RotatedAlready.
    """
    organization = lock_organization(organization_id)
    old = _find(organization, key_id)
    if old.user_id not in {None, actor_id}:
        raise Forbidden
    _require_scopes(old.scopes, allowed)
    _require_rotatable(old, now)
    made = _insert(_successor_of(old, actor_id, now))
    good_until = _end_soon(old, now + overlap)
    _record(AuditEntry.Action.API_KEY_ROTATED, made.key, actor_id, previous=str(old.id))
    emit(
        ApiKeyRotated(
            org_id=organization_id,
            key_id=made.key.id,
            prefix=made.key.prefix,
            scopes=" ".join(made.key.scopes),
            previous_key_id=old.id,
            previous_good_until=good_until,
            expires_at=made.key.expires_at,
            by=actor_id,
        )
    )
    if good_until <= now:
        end_keys([old], reason="rotated", actor_id=actor_id, now=now)
    return made


@transaction.atomic
def revoke_api_key(
    *,
    organization_id: UUID,
    key_id: UUID,
    actor_id: UUID,
    now: datetime,
    reason: EndReason = "revoked",
) -> None:
    """Let a key be good for nothing any more, from now on; raises NotFound."""
    organization = lock_organization(organization_id)
    key = _find(organization, key_id)
    if key.revoked_at is None:
        end_keys([key], reason=reason, actor_id=actor_id, now=now)


def end_keys(
    keys: Iterable[ApiKey],
    *,
    reason: EndReason,
    actor_id: UUID | None,
    now: datetime,
) -> None:
    """End keys of a locked organization, each told of by itself."""
    ended = list(keys)
    for key in ended:
        key.revoked_at = now
        key.save(update_fields=["revoked_at"])
        _record(AuditEntry.Action.API_KEY_REVOKED, key, actor_id, reason=reason)
        emit(
            ApiKeyRevoked(
                org_id=key.organization_id,
                key_id=key.id,
                prefix=key.prefix,
                scopes=" ".join(key.scopes),
                reason=reason,
                by=actor_id,
            )
        )
    refuse_api_keys(ended)


def _require_scopes(scopes: Sequence[str], allowed: Set[str]) -> None:
    beyond = tuple(
        FieldProblem(
            pointer_to("scopes", place), "beyond_role", f"You have no {scope} yourself."
        )
        for place, scope in enumerate(scopes)
        if scope not in allowed
    )
    if beyond:
        raise ScopesExceedRole(errors=beyond)


def _account_of(organization: Organization, wanted: KeyWanted) -> ServiceAccount | None:
    if wanted.service_account_id is None:
        return None
    account = ServiceAccount.objects.filter(
        organization=organization, id=wanted.service_account_id
    ).first()
    if account is None:
        raise NotFound
    if account.disabled_at is not None:
        raise ServiceAccountDisabled
    return account


def _find(organization: Organization, key_id: UUID) -> ApiKey:
    key = ApiKey.objects.filter(organization=organization, id=key_id).first()
    if key is None:
        raise NotFound
    return key


def _require_rotatable(key: ApiKey, now: datetime) -> None:
    if not key.is_live(now):
        raise ApiKeyEnded
    # If the text of a successor was lost, it is revoked, and made once more.
    if ApiKey.objects.filter(rotated_from=key, revoked_at=None).exists():
        raise RotatedAlready


def _successor_of(old: ApiKey, actor_id: UUID, now: datetime) -> ApiKey:
    # Who was rotated before, in vain, has another end than it was meant to have.
    before = ApiKey.objects.filter(rotated_from=old).order_by("created_at").last()
    meant = before or old
    lives = None if meant.expires_at is None else meant.expires_at - meant.created_at
    return ApiKey(
        organization_id=old.organization_id,
        service_account_id=old.service_account_id,
        user_id=old.user_id,
        name=old.name,
        scopes=old.scopes,
        networks=old.networks,
        created_by=actor_id,
        expires_at=None if lives is None else now + lives,
        rotated_from=old,
    )


def _end_soon(key: ApiKey, moment: datetime) -> datetime:
    """Let a key end at a moment, unless it ends before; return when it ends."""
    if key.expires_at is None or key.expires_at > moment:
        key.expires_at = moment
        key.save(update_fields=["expires_at"])
    return key.expires_at


def _insert(key: ApiKey) -> NewKey:
    text = new_key_text()
    key.prefix = text.prefix
    key.secret_hmac = lookup_hash(text.text, purpose=PURPOSE)
    key.save(force_insert=True)
    key.refresh_from_db()
    return NewKey(key, text.text)


def _record(
    action: AuditEntry.Action, key: ApiKey, actor_id: UUID | None, **metadata: str
) -> None:
    record(
        action,
        target_id=key.id,
        actor_id=actor_id,
        organization_id=key.organization_id,
        prefix=key.prefix,
        scopes=" ".join(key.scopes),
        **metadata,  # type: ignore[arg-type]  # -- mypy takes them for the other parameters
    )
