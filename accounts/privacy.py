"""What accounts knows about a person."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from django.db.models import Q
from django.db.models.functions import Lower

from accounts import services
from accounts.models import (
    ApiKey,
    AuditEntry,
    AuditPersonal,
    Authenticator,
    Challenge,
    DataRequest,
    File,
    Impersonation,
    Invitation,
    Membership,
    OwnershipTransfer,
    RecoveryCode,
    Session,
    User,
)
from opencore.privacy import Part, Person, labels, rows_of


class AccountsData:
    """Who they are, where they signed in, what they belong to, what they did."""

    exported = labels(
        *(ApiKey, AuditEntry, AuditPersonal, Authenticator, Challenge, DataRequest),
        *(Impersonation, Invitation, Membership, OwnershipTransfer, RecoveryCode),
        *(Session, User),
    )
    erased = labels(
        *(ApiKey, AuditPersonal, Authenticator, Challenge, File, Invitation),
        *(Membership, OwnershipTransfer, RecoveryCode, Session, User),
    )

    def export(self, person: Person) -> Iterator[Part]:
        """Yield it, without secrets."""
        yield from _identity(person)
        yield from _proofs(person)
        yield from _belonging(person)
        yield from _record(person)

    def erase(self, person: Person, *, now: datetime) -> Mapping[str, int]:
        """Forget it, but for ids that others name and the record of what was done."""
        return services.forget_person(person=person, now=now)


def _identity(person: Person) -> Iterator[Part]:
    yield (
        "user",
        rows_of(
            User.objects.filter(id=person.user_id),
            *("id", "email", "email_verified_at", "name", "locale", "time_zone"),
            *("role", "is_active", "created_at", "last_login"),
        ),
    )
    yield (
        "sessions",
        rows_of(
            Session.objects.filter(user_id=person.user_id).order_by("created_at"),
            *("id", "created_at", "rotated_at", "expires_at", "revoked_at"),
            *("revoke_reason", "ip", "user_agent", "device_label", "last_seen_at"),
        ),
    )
    asked = Challenge.objects.alias(lowered=Lower("email")).filter(
        Q(user_id=person.user_id) | Q(lowered__in=person.addresses)
    )
    yield (
        "codes",
        rows_of(
            asked.order_by("created_at"),
            *("id", "purpose", "email", "created_at", "consumed_at"),
            *("ip", "user_agent"),
        ),
    )


def _proofs(person: Person) -> Iterator[Part]:
    yield (
        "authenticators",
        rows_of(
            Authenticator.objects.filter(user_id=person.user_id),
            *("id", "kind", "name", "created_at", "confirmed_at", "last_used_at"),
        ),
    )
    yield (
        "recovery_codes",
        rows_of(
            RecoveryCode.objects.filter(user_id=person.user_id),
            *("id", "created_at", "used_at"),
        ),
    )
    yield (
        "api_keys",
        rows_of(
            ApiKey.objects.filter(user_id=person.user_id),
            *("id", "organization_id", "name", "prefix", "scopes", "networks"),
            *("created_at", "expires_at", "last_used_at", "revoked_at"),
        ),
    )


def _belonging(person: Person) -> Iterator[Part]:
    yield (
        "memberships",
        rows_of(
            Membership.objects.filter(user_id=person.user_id),
            *("organization_id", "role", "status", "created_at"),
            organization="organization__name",
        ),
    )
    yield (
        "invitations",
        rows_of(
            Invitation.objects.alias(lowered=Lower("email")).filter(
                lowered__in=person.addresses
            ),
            *("id", "organization_id", "email", "role", "created_at", "expires_at"),
            *("accepted_at", "revoked_at"),
        ),
    )
    yield (
        "ownership_transfers",
        rows_of(
            OwnershipTransfer.objects.filter(
                Q(from_user_id=person.user_id) | Q(to_user_id=person.user_id)
            ),
            *("id", "organization_id", "from_user_id", "to_user_id", "created_at"),
            *("accepted_at", "cancelled_at"),
        ),
    )


def _record(person: Person) -> Iterator[Part]:
    entries = AuditEntry.objects.filter(
        Q(actor_id=person.user_id)
        | Q(on_behalf_of=person.user_id)
        | Q(target_id=person.user_id)
    )
    # Where somebody else was when they did it is theirs.
    yield (
        "audit_entries",
        rows_of(
            entries.order_by("seq"),
            *("entry_id", "occurred_at", "action", "actor_kind", "on_behalf_of"),
            *("target_id", "organization_id", "outcome", "metadata"),
        ),
    )
    yield (
        "audit_devices",
        rows_of(
            AuditPersonal.objects.filter(person_id=person.user_id),
            "data",
            entry_id="entry__entry_id",
        ),
    )
    yield (
        "data_requests",
        rows_of(
            DataRequest.objects.filter(user_id=person.user_id),
            *("id", "kind", "status", "created_at", "not_before", "due_at"),
            *("finished_at", "reason"),
        ),
    )
    yield (
        "impersonations",
        rows_of(
            Impersonation.objects.filter(user_id=person.user_id),
            *("id", "reason", "read_only", "started_at", "expires_at", "ended_at"),
        ),
    )
