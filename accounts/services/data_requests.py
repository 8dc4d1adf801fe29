"""Requests for one's data or its erasure: made, taken back, reminded of."""

import logging
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction

from accounts import selectors
from accounts.errors import DataRequestClosed, DataRequestOpen, LastOwner
from accounts.models import AuditEntry, DataRequest
from accounts.services.auditing import record
from opencore.errors import NotFound
from opencore.events.user.v1 import (
    DataRequestCancelled,
    DataRequested,
    ErasureUpcoming,
)
from opencore.tenancy import unconfined
from outbox.publishing import emit

log = logging.getLogger(__name__)

Kind = DataRequest.Kind
Status = DataRequest.Status


@transaction.atomic
def request_data(
    *,
    user_id: UUID,
    kind: DataRequest.Kind,
    actor_id: UUID,
    reason: str = "",
    now: datetime,
) -> DataRequest:
    """Promise a person their data, or its erasure after a time to think it over.

    Raises DataRequestOpen for a second one of its kind, and LastOwner while others
    belong to an organization that this person alone owns.
    """
    if kind == Kind.ERASURE:
        refuse_last_owner(user_id=user_id)
    wait: timedelta = settings.ERASURE_COOL_OFF if kind == Kind.ERASURE else timedelta()
    try:
        with transaction.atomic():
            request = DataRequest.objects.create(
                user_id=user_id,
                kind=kind,
                requested_by=actor_id,
                reason=reason,
                not_before=now + wait,
                due_at=now + settings.DATA_REQUEST_DUE,
            )
    except IntegrityError as error:
        raise DataRequestOpen from error
    record(
        AuditEntry.Action.DATA_REQUESTED,
        target_id=user_id,
        actor_id=actor_id,
        justification=reason,
        kind=kind.value,
    )
    emit(
        DataRequested(
            user_id=user_id,
            request_id=request.id,
            kind=kind.value,
            not_before=request.not_before,
        )
    )
    return request


@transaction.atomic
def cancel_request(
    *, request_id: UUID, user_id: UUID, actor_id: UUID, now: datetime
) -> None:
    """Take a request back before it begins; raises NotFound, DataRequestClosed."""
    mine = DataRequest.objects.filter(id=request_id, user_id=user_id)
    cancelled = mine.filter(status=Status.PENDING).update(
        status=Status.CANCELLED, finished_at=now
    )
    request = mine.first()
    if request is None:
        raise NotFound
    if not cancelled:
        raise DataRequestClosed
    record(
        AuditEntry.Action.DATA_REQUEST_CANCELLED,
        target_id=user_id,
        actor_id=actor_id,
        kind=request.kind,
    )
    emit(
        DataRequestCancelled(user_id=user_id, request_id=request_id, kind=request.kind)
    )


@transaction.atomic
def remind_of_erasures(*, now: datetime) -> int:
    """Tell those who will be erased within a day, once; return how many."""
    upcoming = DataRequest.objects.filter(
        kind=Kind.ERASURE,
        status=Status.PENDING,
        not_before__gt=now,
        not_before__lte=now + settings.ERASURE_REMINDER,
        report__reminded_at__isnull=True,
    )
    requests = list(upcoming.select_for_update(skip_locked=True, no_key=True))
    for request in requests:
        request.report = {"reminded_at": now.isoformat()}
        request.save(update_fields=["report"])
        emit(
            ErasureUpcoming(
                user_id=request.user_id,
                request_id=request.id,
                not_before=request.not_before,
            )
        )
    return len(requests)


def refuse_last_owner(*, user_id: UUID) -> None:
    """Raise LastOwner while others need this person as the owner of an organization."""
    # Who else belongs to them is more than a person's own request may look at.
    with unconfined():
        if selectors.organizations_to_hand_over(user_id=user_id).exists():
            raise LastOwner
