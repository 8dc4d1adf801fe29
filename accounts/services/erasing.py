"""Erases a person: all apps forget them in one transaction, or none does."""

import logging
from datetime import datetime
from uuid import UUID

from django.db import transaction

from accounts import selectors
from accounts.errors import LastOwner
from accounts.models import AuditEntry, DataRequest, User
from accounts.services.auditing import record
from accounts.services.data_requests import refuse_last_owner
from opencore import privacy
from opencore.events.user.v1 import ErasureFailed, UserErased
from outbox.publishing import emit

log = logging.getLogger(__name__)


@transaction.atomic(durable=True)
def erase_on_request(*, request_id: UUID, now: datetime) -> bool:
    """Erase who asked for it; tell whether it was still to be done.

    A person whom others still need as an owner is told so, and nothing is erased.
    """
    request = (
        selectors.due_requests(now=now)
        .filter(id=request_id, kind=DataRequest.Kind.ERASURE)
        .select_for_update(skip_locked=True, no_key=True)
        .first()
    )
    if request is None:
        return False
    try:
        refuse_last_owner(user_id=request.user_id)
    except LastOwner as refusal:
        _fail(request, refusal, now)
        return True
    request.report = _erase(request.user_id, now)
    request.status, request.finished_at = DataRequest.Status.DONE, now
    request.save(update_fields=["report", "status", "finished_at"])
    return True


def _erase(user_id: UUID, now: datetime) -> dict[str, dict[str, int]]:
    user = User.objects.select_for_update(no_key=True).get(id=user_id)
    report = privacy.erase(selectors.person_of(user), now=now)
    # Recorded as the system's deed, from nowhere: nothing personal comes anew.
    record(AuditEntry.Action.USER_ERASED, target_id=user_id, actor_id=None)
    emit(UserErased(user_id=user_id, erased_at=now))
    log.info("person erased", extra={"user_id": str(user_id)})
    return report


def _fail(request: DataRequest, refusal: LastOwner, now: datetime) -> None:
    request.status, request.finished_at = DataRequest.Status.FAILED, now
    request.report = {"refused": refusal.code}
    request.save(update_fields=["report", "status", "finished_at"])
    emit(
        ErasureFailed(
            user_id=request.user_id, request_id=request.id, reason=refusal.code
        )
    )
    log.warning(
        "erasure refused",
        extra={"request_id": str(request.id), "reason": refusal.code},
    )
