"""Subscriptions: one live one per plan, over when their time has come, told once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from uuid import UUID, uuid4

import pytest
from django.db import IntegrityError, connection
from pytest_django import Settings

from billing.errors import AlreadySubscribed, PeriodEndOutOfRange, SubscriptionNotActive
from billing.models import Customer, Subscription
from billing.services import (
    LONGEST_PERIOD,
    expire_due_subscriptions,
    expire_subscription,
    open_customer,
    subscribe,
)
from opencore.events.billing.v1 import SubscriptionCreated, SubscriptionExpired
from outbox.publishing import EventTooLarge
from tests.billing.conftest import Emitted

NOW = datetime(2028, 2, 28, 12, tzinfo=UTC)
LEAP_DAY = datetime(2028, 2, 29, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def subscribed(
    customer: Customer,
    *,
    plan: str = "pro",
    period_end: datetime = LEAP_DAY,
    now: datetime = NOW,
) -> Subscription:
    """Let the customer's user subscribe."""
    assert customer.user_id is not None
    return subscribe(
        customer_id=customer.id,
        user_id=customer.user_id,
        plan=plan,
        period_end=period_end,
        now=now,
        actor_id=customer.user_id,
    )


def expiry_of(subscription: Subscription, at: datetime) -> SubscriptionExpired:
    """Return the event that says so."""
    return SubscriptionExpired(
        subscription_id=subscription.id,
        customer_id=subscription.customer_id,
        user_id=subscription.user_id,
        plan=subscription.plan,
        expired_at=at,
    )


@pytest.mark.django_db
def test_subscribes_and_tells_of_it(
    customer: Customer, ada: UUID, emitted: Emitted
) -> None:
    subscription = subscribed(customer)

    stored = Subscription.objects.get()
    assert (stored.plan, stored.status) == ("pro", "active")
    assert (stored.period_end, stored.expired_at) == (LEAP_DAY, None)
    assert stored.created_by == ada
    assert emitted() == [
        SubscriptionCreated(
            subscription_id=subscription.id,
            customer_id=customer.id,
            user_id=ada,
            plan="pro",
            period_end=LEAP_DAY,
        )
    ]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "period_end",
    [NOW, NOW - timedelta(days=1), NOW + LONGEST_PERIOD + MICROSECOND],
    ids=["now", "past", "too far"],
)
def test_refuses_a_period_that_can_not_be(
    customer: Customer, emitted: Emitted, period_end: datetime
) -> None:
    with pytest.raises(PeriodEndOutOfRange):
        subscribed(customer, period_end=period_end)

    assert Subscription.objects.count() == 0
    assert emitted() == []


@pytest.mark.django_db
def test_refuses_a_second_live_subscription_to_a_plan(
    customer: Customer, emitted: Emitted
) -> None:
    first = subscribed(customer)

    with pytest.raises(AlreadySubscribed):
        subscribed(customer)

    assert Subscription.objects.get() == first
    assert len(emitted()) == 1


@pytest.mark.django_db
def test_a_customer_may_have_several_plans(customer: Customer) -> None:
    subscribed(customer, plan="pro")
    subscribed(customer, plan="storage")

    assert Subscription.objects.active().count() == 2


@pytest.mark.django_db
def test_renewing_after_the_end_needs_no_sweep_before(
    customer: Customer, emitted: Emitted
) -> None:
    first = subscribed(customer)
    later = LEAP_DAY + timedelta(days=1)

    second = subscribed(customer, now=LEAP_DAY, period_end=later)

    assert Subscription.objects.active().get() == second
    assert emitted()[1] == expiry_of(first, LEAP_DAY)
    assert expire_due_subscriptions(now=LEAP_DAY, limit=10) == 0


@pytest.mark.django_db
def test_a_subscription_is_kept_until_the_leap_day_begins(customer: Customer) -> None:
    subscribed(customer)

    assert expire_due_subscriptions(now=LEAP_DAY - MICROSECOND, limit=10) == 0

    assert Subscription.objects.get().status == "active"


@pytest.mark.django_db
def test_a_subscription_expires_when_the_leap_day_begins(
    customer: Customer, emitted: Emitted
) -> None:
    subscription = subscribed(customer)

    assert expire_due_subscriptions(now=LEAP_DAY, limit=10) == 1

    stored = Subscription.objects.get()
    assert (stored.status, stored.expired_at) == ("expired", LEAP_DAY)
    assert stored.expired_by is None
    assert emitted()[1:] == [expiry_of(subscription, LEAP_DAY)]


@pytest.mark.django_db
def test_a_year_of_seconds_over_a_leap_day_ends_a_day_early(customer: Customer) -> None:
    begin = datetime(2027, 3, 1, tzinfo=UTC)

    subscription = subscribed(
        customer, now=begin, period_end=begin + timedelta(days=365)
    )

    assert subscription.period_end == datetime(2028, 2, 29, tzinfo=UTC)


@pytest.mark.django_db
def test_a_second_sweep_tells_nothing(customer: Customer, emitted: Emitted) -> None:
    subscribed(customer)
    expire_due_subscriptions(now=LEAP_DAY, limit=10)
    told = emitted()

    assert expire_due_subscriptions(now=LEAP_DAY, limit=10) == 0

    assert emitted() == told


@pytest.mark.django_db
def test_a_batch_takes_those_first_that_are_over_longest(customer: Customer) -> None:
    subscribed(customer, plan="late", period_end=LEAP_DAY + MICROSECOND)
    subscribed(customer, plan="early", period_end=LEAP_DAY)

    assert expire_due_subscriptions(now=LEAP_DAY + timedelta(days=1), limit=1) == 1

    assert Subscription.objects.active().get().plan == "late"


@pytest.mark.django_db
def test_what_can_not_be_told_does_not_expire(
    customer: Customer, settings: Settings
) -> None:
    subscribed(customer)
    settings.OUTBOX_MAX_EVENT_BYTES = 1

    with pytest.raises(EventTooLarge):
        expire_due_subscriptions(now=LEAP_DAY, limit=10)

    assert Subscription.objects.get().status == "active"


@pytest.mark.django_db(transaction=True)
def test_two_sweeps_at_once_expire_each_subscription_once(emitted: Emitted) -> None:
    subscriptions = {
        subscribed(open_customer(user_id=uuid4(), actor_id=None)).id for _ in range(40)
    }
    together = Barrier(4)

    def sweep() -> int:
        try:
            together.wait(timeout=10)
            return sum(iter(lambda: expire_due_subscriptions(now=LEAP_DAY, limit=7), 0))
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as threads:
        sweeping = [threads.submit(sweep) for _ in range(4)]

    expired = [
        event.subscription_id
        for event in emitted()
        if isinstance(event, SubscriptionExpired)
    ]
    assert sum(future.result() for future in sweeping) == 40
    assert len(expired) == 40
    assert set(expired) == subscriptions


@pytest.mark.django_db(transaction=True)
def test_eight_at_once_make_one_live_subscription(customer: Customer) -> None:
    together = Barrier(8)

    def try_it() -> bool:
        try:
            together.wait(timeout=10)
            subscribed(customer)
        except AlreadySubscribed:
            return False
        else:
            return True
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as threads:
        trying = [threads.submit(try_it) for _ in range(8)]

    assert [future.result() for future in trying].count(True) == 1
    assert Subscription.objects.count() == 1


@pytest.mark.django_db
def test_an_operator_ends_a_subscription_early(
    customer: Customer, grace: UUID, emitted: Emitted
) -> None:
    subscription = subscribed(customer)

    expire_subscription(subscription_id=subscription.id, now=NOW, actor_id=grace)

    stored = Subscription.objects.get()
    assert (stored.status, stored.expired_at, stored.expired_by) == (
        "expired",
        NOW,
        grace,
    )
    assert emitted()[1:] == [expiry_of(subscription, NOW)]


@pytest.mark.django_db
def test_refuses_to_end_what_is_over(
    customer: Customer, grace: UUID, emitted: Emitted
) -> None:
    subscription = subscribed(customer)
    expire_due_subscriptions(now=LEAP_DAY, limit=10)
    told = emitted()

    with pytest.raises(SubscriptionNotActive):
        expire_subscription(
            subscription_id=subscription.id, now=LEAP_DAY, actor_id=grace
        )

    assert Subscription.objects.get().expired_by is None
    assert emitted() == told


@pytest.mark.django_db
def test_the_database_refuses_an_expired_subscription_without_a_time(
    customer: Customer,
) -> None:
    subscription = subscribed(customer)

    with pytest.raises(IntegrityError, match="billing_expired_subscription_has_a_time"):
        Subscription.objects.filter(id=subscription.id).update(status="expired")
