"""What Celery does for accounts."""

import logging
from time import monotonic

from celery import shared_task
from django.db import OperationalError
from django.utils import timezone

from accounts import selectors, services
from accounts.models import DataRequest
from opencore.errors import DomainError
from opencore.revocations import RevocationsUnavailable

log = logging.getLogger(__name__)

SEALING_TURN = 20.0
EXPORTING_TURN = 20.0


@shared_task(name="accounts.delete_stale_challenges", ignore_result=True)
def delete_stale_challenges(**_kwargs: object) -> None:
    """Forget codes and locks that nobody can use or count any more."""
    now = timezone.now()
    deleted = services.delete_stale_challenges(now=now)
    locks = services.delete_stale_locks(now=now)
    if deleted or locks:
        log.info("stale challenges deleted", extra={"deleted": deleted, "locks": locks})


@shared_task(name="accounts.delete_stale_invitations", ignore_result=True)
def delete_stale_invitations(**_kwargs: object) -> None:
    """Forget the addresses of people who were asked to join long ago."""
    deleted = services.delete_stale_invitations(now=timezone.now())
    if deleted:
        log.info("stale invitations deleted", extra={"deleted": deleted})


@shared_task(name="accounts.republish_revocations", ignore_result=True)
def republish_revocations(**_kwargs: object) -> None:
    """Tell Redis of the ended sessions that it should know and may have lost."""
    try:
        lacked = services.republish_revocations(now=timezone.now())
    except RevocationsUnavailable as error:
        log.warning("revocations were not republished", extra={"reason": str(error)})
        return
    if lacked:
        log.info("revocations republished", extra={"lacked": lacked})


@shared_task(name="accounts.seal_audit", ignore_result=True)
def seal_audit(**_kwargs: object) -> None:
    """Seal what was recorded, in batches, until all is or the turn is over."""
    until = monotonic() + SEALING_TURN
    try:
        while services.seal_entries(now=timezone.now()) and monotonic() < until:
            continue
    except DomainError as refusal:
        # The seals and what tells of them are stored together, or not now.
        log.warning("audit entries were not sealed", extra={"reason": refusal.detail})


@shared_task(name="accounts.do_data_requests", ignore_result=True)
def do_data_requests(**_kwargs: object) -> None:
    """Export and erase what is due; what fails is tried again and stops no other."""
    now = timezone.now()
    services.remind_of_erasures(now=now)
    services.delete_expired_files(now=now)
    for request_id, kind in list(
        selectors.due_requests(now=now).values_list("id", "kind")
    ):
        try:
            DO[DataRequest.Kind(kind)](request_id=request_id, now=timezone.now())
        except OperationalError:
            raise
        except Exception:
            log.exception("data request failed", extra={"request_id": str(request_id)})


DO = {
    DataRequest.Kind.EXPORT: services.export_data,
    DataRequest.Kind.ERASURE: services.erase_on_request,
}


@shared_task(name="accounts.write_audit_exports", ignore_result=True)
def write_audit_exports(**_kwargs: object) -> None:
    """Write the exports that wait, one after another; forget files that are too old."""
    services.delete_expired_files(now=timezone.now())
    until = monotonic() + EXPORTING_TURN
    while services.write_next_export(now=timezone.now()) and monotonic() < until:
        continue
