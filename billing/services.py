"""What billing does, each in one transaction."""

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID

from django.db import IntegrityError, transaction

from billing.errors import (
    AlreadySubscribed,
    PeriodEndOutOfRange,
    SubscriptionNotActive,
)
from billing.models import Customer, OrgMember, Payment, Subscription
from billing.providers import PaymentProvider
from billing.selectors import customer_for_payer
from opencore.events.billing.v1 import (
    CustomerCreated,
    PaymentSucceeded,
    SubscriptionCreated,
    SubscriptionExpired,
)
from outbox.publishing import emit

log = logging.getLogger(__name__)

LONGEST_PERIOD = timedelta(days=3660)
ONE_LIVE_PER_PLAN = "billing_one_live_subscription_per_plan"


@transaction.atomic
def open_customer(
    *,
    user_id: UUID | None = None,
    org_id: UUID | None = None,
    email: str | None = None,
    actor_id: UUID | None,
) -> Customer:
    """Give a user or an organization a customer; a second call finds the first's."""
    if (user_id is None) == (org_id is None):
        raise ValueError("A customer is either a user or an organization.")
    owner = {"org_id": org_id} if user_id is None else {"user_id": user_id}
    customer, created = Customer.objects.get_or_create(
        **owner, defaults={"email": email}
    )
    if not created and email is not None:
        # It was opened by a payment that overtook the event with the address.
        unheard = Customer.objects.filter(id=customer.id, email=None, email_version=0)
        if unheard.update(email=email):
            customer.email = email
    if created:
        emit(CustomerCreated(customer_id=customer.id, user_id=user_id, org_id=org_id))
        log.info(
            "customer opened",
            extra={"customer_id": str(customer.id), "actor_id": actor_id},
        )
    return customer


def payer_of(
    *,
    user_id: UUID,
    org_id: UUID | None = None,
    customer_id: UUID | None = None,
    actor_id: UUID | None,
) -> Customer:
    """Return whom this person pays for; their own customer is opened if need be.

    The event that opens it may still be on its way, and payments don't wait for Kafka.
    Raises as customer_for_payer does.
    """
    if org_id is None and customer_id is None:
        return open_customer(user_id=user_id, actor_id=actor_id)
    return customer_for_payer(user_id=user_id, org_id=org_id, customer_id=customer_id)


@transaction.atomic
def follow_to_address(*, user_id: UUID, email: str, version: int) -> None:
    """Reach a person where they get mail now; what is older changes nothing."""
    customer = open_customer(user_id=user_id, email=email, actor_id=None)
    older = Customer.objects.filter(id=customer.id, email_version__lt=version)
    older.update(email=email, email_version=version)


def note_members(*, roles: Mapping[tuple[UUID, UUID], str]) -> None:
    """Remember what roles users have, by organization and user."""
    OrgMember.objects.bulk_create(
        [
            OrgMember(org_id=org_id, user_id=user_id, role=role)
            for (org_id, user_id), role in roles.items()
        ],
        update_conflicts=True,
        unique_fields=("org_id", "user_id"),
        update_fields=("role",),
    )


def note_role(*, org_id: UUID, user_id: UUID, role: str) -> None:
    """Remember another role of a user who is known; who is suspended stays unknown."""
    OrgMember.objects.filter(org_id=org_id, user_id=user_id).update(role=role)


def forget_member(*, org_id: UUID, user_id: UUID) -> None:
    """Let a user who left an organization see nothing of it any more."""
    OrgMember.objects.filter(org_id=org_id, user_id=user_id).delete()


def forget_members(*, org_id: UUID) -> None:
    """Let nobody see anything of an organization any more."""
    OrgMember.objects.filter(org_id=org_id).delete()


@transaction.atomic
def forget_contact(*, user_id: UUID) -> dict[str, int]:
    """Forget how to reach a person; what they paid and subscribed to stays."""
    reached = Customer.objects.filter(user_id=user_id, email__isnull=False)
    memberships, _ = OrgMember.objects.filter(user_id=user_id).delete()
    return {"customers": reached.update(email=None), "memberships": memberships}


@transaction.atomic
def record_payment(
    *,
    customer_id: UUID,
    user_id: UUID,
    amount_minor: int,
    currency: str,
    description: str,
    provider: PaymentProvider,
    actor_id: UUID | None,
) -> Payment:
    """Record that a customer paid, and tell the rest of the system."""
    payment = Payment(
        customer_id=customer_id,
        user_id=user_id,
        amount_minor=amount_minor,
        currency=currency,
        provider=provider.name,
        status=Payment.Status.SUCCEEDED,
        description=description,
        recorded_by=actor_id,
    )
    payment.provider_ref = provider.take(
        payment_id=payment.id, amount_minor=amount_minor, currency=currency
    )
    payment.save(force_insert=True)
    _tell_paid(payment)
    return payment


@transaction.atomic
def subscribe(
    *,
    customer_id: UUID,
    user_id: UUID,
    plan: str,
    period_end: datetime,
    now: datetime,
    actor_id: UUID | None,
) -> Subscription:
    """Let a customer use a plan until the period's end, and tell the system."""
    if not now < period_end <= now + LONGEST_PERIOD:
        raise PeriodEndOutOfRange
    _make_room(customer_id=customer_id, plan=plan, now=now)
    try:
        with transaction.atomic():
            subscription = Subscription.objects.create(
                customer_id=customer_id,
                user_id=user_id,
                plan=plan,
                period_end=period_end,
                created_by=actor_id,
            )
    except IntegrityError as error:
        if ONE_LIVE_PER_PLAN not in str(error):
            raise
        raise AlreadySubscribed from error
    _tell_subscribed(subscription)
    return subscription


@transaction.atomic
def expire_due_subscriptions(*, now: datetime, limit: int) -> int:
    """Expire up to so many subscriptions whose period is over; return how many.

    Several may run at once: each takes other rows, and nobody waits.
    """
    expired = list(Subscription.objects.raw(CLAIM_DUE, {"now": now, "limit": limit}))
    for subscription in expired:
        _tell_expired(subscription, now)
    return len(expired)


@transaction.atomic
def expire_subscription(
    *, subscription_id: UUID, now: datetime, actor_id: UUID | None
) -> None:
    """End a subscription before its time, and tell the rest of the system."""
    ended = Subscription.objects.active().filter(id=subscription_id)
    if not ended.update(
        status=Subscription.Status.EXPIRED, expired_at=now, expired_by=actor_id
    ):
        raise SubscriptionNotActive
    _tell_expired(Subscription.objects.get(id=subscription_id), now)


def _make_room(*, customer_id: UUID, plan: str, now: datetime) -> None:
    # What is over but not yet swept must not keep the customer from renewing.
    live = Subscription.objects.active().filter(customer_id=customer_id, plan=plan)
    over = live.filter(period_end__lte=now).select_for_update().first()
    if over is not None:
        live.update(status=Subscription.Status.EXPIRED, expired_at=now)
        _tell_expired(over, now)


def _tell_paid(payment: Payment) -> None:
    emit(
        PaymentSucceeded(
            payment_id=payment.id,
            customer_id=payment.customer_id,
            user_id=payment.user_id,
            amount_minor=payment.amount_minor,
            currency=payment.currency,
            provider=payment.provider,
        )
    )


def _tell_subscribed(subscription: Subscription) -> None:
    emit(
        SubscriptionCreated(
            subscription_id=subscription.id,
            customer_id=subscription.customer_id,
            user_id=subscription.user_id,
            plan=subscription.plan,
            period_end=subscription.period_end,
        )
    )


def _tell_expired(subscription: Subscription, now: datetime) -> None:
    emit(
        SubscriptionExpired(
            subscription_id=subscription.id,
            customer_id=subscription.customer_id,
            user_id=subscription.user_id,
            plan=subscription.plan,
            expired_at=now,
        )
    )


CLAIM_DUE = """
with due as (
    select id from billing_subscription
    where status = 'active' and period_end <= %(now)s
    order by period_end
    limit %(limit)s
    for update skip locked
)
update billing_subscription s
set status = 'expired', expired_at = %(now)s
from due where s.id = due.id
returning s.*
"""
