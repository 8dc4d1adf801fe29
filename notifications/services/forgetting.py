"""Forgets a person, and says so to them once more."""

from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from notifications import selectors
from notifications.models import Delivery, Notification, Recipient
from notifications.services.telling import say_goodbye
from opencore.ids import uuid7


@transaction.atomic
def forget_person(
    *, user_id: UUID, addresses: AbstractSet[str], now: datetime
) -> dict[str, int]:
    """Delete all that a person was told, after the last mail to them is written."""
    recipient = Recipient.objects.filter(user_id=user_id).first()
    known = addresses if recipient is None else addresses | {recipient.email.lower()}
    mail = selectors.deliveries_to(user_id=user_id, addresses=known)
    counts = {
        "mail": _delete(mail),
        "notifications": _delete(Notification.objects.of(user_id)),
        "recipients": _delete(Recipient.objects.filter(user_id=user_id)),
    }
    if recipient is not None:
        say_goodbye(email=recipient.email, event_id=uuid7(), now=now)
    return counts


@transaction.atomic
def forget_again(*, user_id: UUID) -> None:
    """Forget what came of events that were still on their way when a person went."""
    recipient = Recipient.objects.filter(user_id=user_id).first()
    known = frozenset() if recipient is None else {recipient.email.lower()}
    late = selectors.deliveries_to(user_id=user_id, addresses=known)
    late.exclude(type=Delivery.GOODBYE).delete()
    Notification.objects.of(user_id).delete()
    Recipient.objects.filter(user_id=user_id).delete()


def _delete(rows: QuerySet[Any]) -> int:
    _, deleted = rows.delete()
    return deleted.get(rows.model._meta.label, 0)
