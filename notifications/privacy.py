"""What notifications know about a person."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from notifications import selectors, services
from notifications.models import Delivery, DeliveryAttempt, Notification, Recipient
from opencore.privacy import Part, Person, labels, rows_of


class NotificationsData:
    """What they were told, and where they get mail."""

    exported = labels(Delivery, DeliveryAttempt, Notification, Recipient)
    erased = labels(Delivery, DeliveryAttempt, Notification, Recipient)

    def export(self, person: Person) -> Iterator[Part]:
        """Yield it."""
        yield (
            "recipients",
            rows_of(
                Recipient.objects.filter(user_id=person.user_id),
                *("email", "created_at"),
            ),
        )
        yield (
            "notifications",
            rows_of(
                Notification.objects.of(person.user_id).order_by("created_at"),
                *("id", "type", "title", "body", "data", "created_at", "read_at"),
            ),
        )
        mail = selectors.deliveries_to(
            user_id=person.user_id, addresses=person.addresses
        )
        yield (
            "mail",
            rows_of(
                mail.order_by("created_at"),
                *("id", "type", "address", "subject", "body", "status", "sent_at"),
                *("created_at",),
            ),
        )
        tries = DeliveryAttempt.objects.filter(delivery__in=mail)
        yield ("mail_attempts", rows_of(tries, "delivery_id", "n", "at", "outcome"))

    def erase(self, person: Person, *, now: datetime) -> Mapping[str, int]:
        """Forget it; one last mail says that it is done, and is forgotten when sent."""
        return services.forget_person(
            user_id=person.user_id, addresses=person.addresses, now=now
        )
