"""Sends the mail that is due, one at a time, and tries again what did not go out."""

import logging
import random
import smtplib
from collections.abc import Sequence
from datetime import datetime, timedelta
from email.utils import parseaddr
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction

from notifications.models import Delivery, DeliveryAttempt
from opencore.sealing import unseal

log = logging.getLogger(__name__)

Outcome = DeliveryAttempt.Outcome
Status = Delivery.Status

# Stands in a stored body where the code belongs that was sealed.
GAP = "·" * 8
# Longer than a mail server may take over one mail, every answer just before time-out.
CLAIM = timedelta(minutes=2)
FIRST_WAIT = timedelta(seconds=5)
LONGEST_WAIT = timedelta(hours=1)
# With these waits a mail is given up after about six hours.
MAX_ATTEMPTS = 16
PERMANENT = 500  # SMTP replies from here on say that trying again will not help


def send_next_mail(*, now: datetime, delivery_id: UUID | None = None) -> Outcome | None:
    """Send the mail that is due for longest, or the named one if it is due.

    Returns how it went, or None if there was nothing to do. A process that dies after
    the mail server's yes and before the note of it lets the mail be sent again, under
    the same Message-ID.
    """
    delivery = _claim(now, delivery_id)
    if delivery is None:
        return None
    outcome, error = _attempt(delivery, now)
    _record(delivery, outcome, error, now)
    return outcome


def send_again(
    *, delivery_ids: Sequence[UUID], now: datetime, actor_id: UUID | None
) -> int:
    """Let mail that is settled go out once more; return how many that were.

    Sign-in codes are left out, for nobody has them any more, and so is what is on its
    way in any case.
    """
    settled = Delivery.objects.filter(
        id__in=delivery_ids,
        status__in=(Status.SENT, Status.FAILED),
        notification__isnull=False,
    )
    scheduled = settled.update(
        status=Status.SCHEDULED, attempts=0, next_attempt_at=now, sent_at=None
    )
    log.info(
        "mail scheduled again", extra={"scheduled": scheduled, "actor_id": actor_id}
    )
    return scheduled


def wait_after(attempts: int, *, spread: float = 0.2) -> timedelta:
    """Double from five seconds to an hour, spread so that retries part."""
    wait = min(FIRST_WAIT * (1 << min(attempts - 1, 16)), LONGEST_WAIT)
    return wait * random.uniform(1 - spread, 1 + spread)  # noqa: S311 -- not a secret


def _claim(now: datetime, delivery_id: UUID | None) -> Delivery | None:
    claimed = Delivery.objects.raw(
        CLAIM_DUE, {"now": now, "until": now + CLAIM, "only": delivery_id}
    )
    return next(iter(claimed), None)


def _attempt(delivery: Delivery, now: datetime) -> tuple[Outcome, str]:
    if delivery.is_expired(at=now):
        return Outcome.EXPIRED, ""
    if delivery.attempts > MAX_ATTEMPTS:
        return Outcome.REFUSED, "No outcome of the last attempt is known."
    try:
        _message(delivery).send()
    except ValueError as error:
        # A header with a line break, a broken seal: the next attempt would be as bad.
        return Outcome.REFUSED, _named(error)
    except OSError as error:
        if _is_permanent(error):
            return Outcome.REFUSED, _named(error)
        return Outcome.DEFERRED, _named(error)
    return Outcome.SENT, ""


def _message(delivery: Delivery) -> EmailMessage:
    body = delivery.body
    if delivery.sealed_code:
        body = body.replace(GAP, unseal(delivery.sealed_code))
    _, sender = parseaddr(settings.DEFAULT_FROM_EMAIL)
    return EmailMessage(
        subject=delivery.subject,
        body=body,
        to=[delivery.address],
        headers={"Message-ID": f"<{delivery.id}@{sender.rpartition('@')[2]}>"},
    )


def _is_permanent(error: OSError) -> bool:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return all(code >= PERMANENT for code, _ in error.recipients.values())
    if isinstance(error, smtplib.SMTPDataError):
        return error.smtp_code >= PERMANENT
    return False


def _named(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


@transaction.atomic
def _record(delivery: Delivery, outcome: Outcome, error: str, now: datetime) -> None:
    fields = {"delivery_id": str(delivery.id), "type": delivery.type}
    mine = Delivery.objects.filter(
        id=delivery.id, status=Status.SENDING, claimed_until=delivery.claimed_until
    )
    if not mine.update(claimed_until=None, **_state_after(delivery, outcome, now)):
        log.warning("mail took longer than its claim", extra=fields)
        return
    if delivery.type == Delivery.GOODBYE and outcome != Outcome.DEFERRED:
        mine = Delivery.objects.filter(id=delivery.id)
        mine.exclude(status=Status.SCHEDULED).delete()
        log.info("last mail handled", extra={**fields, "outcome": outcome.value})
        return
    DeliveryAttempt.objects.create(
        delivery=delivery,
        n=delivery.tries.count() + 1,
        at=now,
        outcome=outcome,
        error=error.replace("\0", "\ufffd"),
    )
    log.info("mail handled", extra={**fields, "outcome": outcome.value})


def _state_after(delivery: Delivery, outcome: Outcome, now: datetime) -> dict[str, Any]:
    match outcome:
        case Outcome.SENT:
            return {"status": Status.SENT, "sent_at": now, "sealed_code": ""}
        case Outcome.EXPIRED:
            return {"status": Status.EXPIRED, "sealed_code": ""}
        case Outcome.DEFERRED if delivery.attempts < MAX_ATTEMPTS:
            next_attempt_at = now + wait_after(delivery.attempts)
            return {"status": Status.SCHEDULED, "next_attempt_at": next_attempt_at}
        case _:
            return {"status": Status.FAILED, "sealed_code": ""}


CLAIM_DUE = """
with due as (
    select id from notifications_delivery
    where status in ('scheduled', 'sending') and next_attempt_at <= %(now)s
      and (claimed_until is null or claimed_until <= %(now)s)
      and (%(only)s::uuid is null or id = %(only)s)
    order by next_attempt_at
    limit 1
    for update skip locked
)
update notifications_delivery d
set status = 'sending', attempts = attempts + 1, claimed_until = %(until)s
from due where d.id = due.id
returning d.*
"""
