"""What people asked for about themselves."""

from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import Lower

from accounts.errors import DataNotReady
from accounts.models import (
    AuditEntry,
    AuditPersonal,
    Challenge,
    DataRequest,
    File,
    Membership,
    Organization,
    User,
)
from accounts.roles import Role
from opencore.errors import NotFound
from opencore.privacy import Person


def data_requests_of(*, user_id: UUID) -> QuerySet[DataRequest]:
    """Return what a person asked for."""
    return DataRequest.objects.filter(user_id=user_id).select_related("file")


def get_data_request(*, request_id: UUID, user_id: UUID) -> DataRequest:
    """Return one request of a person; raises NotFound for another's."""
    found = data_requests_of(user_id=user_id).filter(id=request_id).first()
    if found is None:
        raise NotFound
    return found


def get_exported_file(*, request_id: UUID, user_id: UUID, now: datetime) -> File:
    """Return a person's copy of their data; raises NotFound, DataNotReady."""
    request = get_data_request(request_id=request_id, user_id=user_id)
    open_ = request.status in {DataRequest.Status.PENDING, DataRequest.Status.RUNNING}
    if open_ and request.kind == DataRequest.Kind.EXPORT:
        raise DataNotReady
    if request.file is None or request.file.expires_at <= now:
        raise NotFound
    return request.file


def due_requests(*, now: datetime) -> QuerySet[DataRequest]:
    """Return what is to be done now, oldest first."""
    due = DataRequest.objects.filter(
        status__in=(DataRequest.Status.PENDING, DataRequest.Status.RUNNING),
        not_before__lte=now,
    )
    return due.order_by("not_before", "id")


def person_of(user: User) -> Person:
    """Return whom all apps are to give or forget: also by addresses that they had.

    An address of before that somebody else has now is theirs.
    """
    addresses = {user.email.lower(), *_addresses_before(user)}
    others = User.objects.alias(lowered=Lower("email")).exclude(id=user.id)
    taken = others.filter(lowered__in=addresses)
    return Person(
        user_id=user.id,
        addresses=frozenset(
            addresses.difference(
                email.lower() for email in taken.values_list("email", flat=True)
            )
        ),
    )


def _addresses_before(user: User) -> Iterator[str]:
    proved = Challenge.objects.filter(
        user=user, purpose=Challenge.Purpose.EMAIL_CHANGE, consumed_at__isnull=False
    )
    for email in proved.values_list("email", flat=True):
        yield email.lower()
    moved = AuditPersonal.objects.filter(
        entry__target_id=user.id, entry__action=AuditEntry.Action.USER_EMAIL_CHANGED
    )
    for data in moved.values_list("data", flat=True):
        yield from (data["previous_email"].lower(), data["email"].lower())


def organizations_owned_alone(*, user_id: UUID) -> QuerySet[Organization]:
    """Return the living organizations that have no other active owner."""
    others = Membership.objects.filter(
        organization=OuterRef("id"), role=Role.OWNER, status=Membership.Status.ACTIVE
    ).exclude(user_id=user_id)
    return (
        Organization.objects.filter(
            memberships__user_id=user_id, memberships__role=Role.OWNER
        )
        .exclude(status=Organization.Status.DELETED)
        .exclude(Exists(others))
    )


def organizations_to_hand_over(*, user_id: UUID) -> QuerySet[Organization]:
    """Return those that others belong to and nobody else owns."""
    others = Membership.objects.filter(organization=OuterRef("id")).exclude(
        user_id=user_id
    )
    return organizations_owned_alone(user_id=user_id).filter(Exists(others))
