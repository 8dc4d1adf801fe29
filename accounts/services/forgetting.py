"""Forgets what accounts holds about a person; the row that others name is left."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.admin.models import LogEntry
from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Lower

from accounts import selectors
from accounts.models import (
    ApiKey,
    AuditPersonal,
    Authenticator,
    Challenge,
    File,
    Invitation,
    Membership,
    Organization,
    OwnershipTransfer,
    RecoveryCode,
    Session,
    User,
)
from accounts.services.api_keys import end_keys
from accounts.services.members import remove_member
from accounts.services.organizations import delete_organization
from accounts.services.revoking import refuse_tokens_of_user
from accounts.services.sessions import end_sessions
from opencore.privacy import Person

NOBODYS = "erased-{}@erased.invalid"


@transaction.atomic
def forget_person(*, person: Person, now: datetime) -> dict[str, int]:
    """Leave nothing personal of a person in accounts; return how much there was."""
    user_id = person.user_id
    counts = {
        "organizations": _close_organizations(user_id, now),
        "memberships": _leave_organizations(user_id),
        "sessions": _end_and_clear_sessions(user_id, now),
        "secrets": _delete_secrets(user_id, now),
        "invitations": _delete(_to(person, Invitation.objects.all())),
        "challenges": _delete_challenges(person),
        "files": _delete(File.objects.filter(user_id=user_id)),
        "audit_personal": _delete(_personal_parts(user_id)),
        "admin_log": LogEntry.objects.filter(
            content_type__app_label="accounts",
            content_type__model="user",
            object_id=str(user_id),
        ).update(object_repr="", change_message=""),
    }
    _empty_the_user(user_id, now)
    return counts


def _close_organizations(user_id: UUID, now: datetime) -> int:
    """Delete the organizations that nobody else belongs to.

    The row stays, nameless, with its owner's membership: it has to have an owner.
    """
    alone = list(
        selectors.organizations_owned_alone(user_id=user_id).values_list(
            "id", flat=True
        )
    )
    for organization_id in alone:
        delete_organization(organization_id=organization_id, actor_id=user_id, now=now)
        Organization.objects.filter(id=organization_id).update(name="deleted")
        ApiKey.objects.filter(organization_id=organization_id).delete()
        Invitation.objects.filter(organization_id=organization_id).delete()
    return len(alone)


def _leave_organizations(user_id: UUID) -> int:
    OwnershipTransfer.objects.filter(
        Q(from_user_id=user_id) | Q(to_user_id=user_id)
    ).delete()
    living = Membership.objects.filter(user_id=user_id).exclude(
        organization__status=Organization.Status.DELETED
    )
    left = list(living.values_list("organization_id", flat=True))
    for organization_id in left:
        remove_member(organization_id=organization_id, user_id=user_id, actor_id=None)
    return len(left)


def _end_and_clear_sessions(user_id: UUID, now: datetime) -> int:
    end_sessions(
        user_id=user_id, reason=Session.RevokeReason.ERASED, actor_id=None, now=now
    )
    refuse_tokens_of_user(user_id, issued_before=now)
    # The rows stay, for gateways hear of them again and impersonations name them.
    theirs = Session.objects.filter(Q(user_id=user_id) | Q(impersonator_id=user_id))
    return theirs.update(ip=None, user_agent="", device_label="")


def _delete_secrets(user_id: UUID, now: datetime) -> int:
    keys = ApiKey.objects.filter(user_id=user_id)
    end_keys(keys.filter(revoked_at=None), reason="erased", actor_id=None, now=now)
    return sum(
        _delete(secrets)
        for secrets in (
            Authenticator.objects.filter(user_id=user_id),
            RecoveryCode.objects.filter(user_id=user_id),
            keys,
        )
    )


def _delete_challenges(person: Person) -> int:
    asked = Challenge.objects.filter(user_id=person.user_id)
    return _delete(asked) + _delete(_to(person, Challenge.objects.all()))


def _personal_parts(user_id: UUID) -> QuerySet[AuditPersonal]:
    return AuditPersonal.objects.filter(
        Q(person_id=user_id) | Q(person_id=None, entry__target_id=user_id)
    )


def _empty_the_user(user_id: UUID, now: datetime) -> None:
    user = User.objects.get(id=user_id)
    user.set_unusable_password()
    User.objects.filter(id=user_id).update(
        email=NOBODYS.format(user_id),
        email_verified_at=None,
        name="",
        locale="en",
        time_zone="UTC",
        role=User.Role.USER,
        password=user.password,
        last_login=None,
        is_active=False,
        is_staff=False,
        is_superuser=False,
        erased_at=now,
    )


def _to(person: Person, rows: QuerySet[Any]) -> QuerySet[Any]:
    lowered: QuerySet[Any] = rows.alias(lowered=Lower("email"))
    return lowered.filter(lowered__in=person.addresses)


def _delete(rows: QuerySet[Any]) -> int:
    """Delete rows; return how many, without those that went with them."""
    _, deleted = rows.delete()
    return deleted.get(rows.model._meta.label, 0)
