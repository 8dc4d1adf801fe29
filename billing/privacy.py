"""What billing knows about a person.

Books are kept for as long as tax law wants them (ten years in much of the EU), which
GDPR Art. 17(3)(b) puts above an erasure: amounts, numbers and days stay, under an id
that leads to nobody any more.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime

from django.db.models import Q

from billing import services
from billing.models import Customer, OrgMember, Payment, Subscription
from opencore.privacy import Part, Person, labels, rows_of


class BillingData:
    """What they paid and subscribed to."""

    exported = labels(Customer, OrgMember, Payment, Subscription)
    erased = labels(Customer, OrgMember)

    def export(self, person: Person) -> Iterator[Part]:
        """Yield it."""
        mine = Q(user_id=person.user_id) | Q(customer__user_id=person.user_id)
        yield (
            "customers",
            rows_of(
                Customer.objects.filter(user_id=person.user_id),
                *("id", "email", "created_at"),
            ),
        )
        yield (
            "payments",
            rows_of(
                Payment.objects.filter(mine).order_by("created_at"),
                *("id", "customer_id", "amount_minor", "currency", "provider"),
                *("provider_ref", "status", "description", "created_at"),
            ),
        )
        yield (
            "subscriptions",
            rows_of(
                Subscription.objects.filter(mine).order_by("created_at"),
                *("id", "customer_id", "plan", "status", "period_end"),
                *("expired_at", "created_at"),
            ),
        )
        yield (
            "organizations",
            rows_of(OrgMember.objects.filter(user_id=person.user_id), "org_id", "role"),
        )

    def erase(self, person: Person, *, now: datetime) -> Mapping[str, int]:  # noqa: ARG002 -- the signature is the protocol's
        """Forget how to reach them; the books stay."""
        return services.forget_contact(user_id=person.user_id)
