"""What beat does for billing."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from billing.models import Subscription
from billing.services import open_customer, subscribe
from billing.tasks import BATCH, expire_subscriptions
from opencore.celery import app

pytestmark = pytest.mark.django_db


def test_expires_more_than_a_batch_at_one_tick() -> None:
    ago = timezone.now() - timedelta(days=1)
    customer = open_customer(user_id=uuid4(), actor_id=None)
    for number in range(BATCH + 1):
        subscribe(
            customer_id=customer.id,
            user_id=uuid4(),
            plan=f"plan {number}",
            period_end=ago + timedelta(hours=1),
            now=ago,
            actor_id=None,
        )

    expire_subscriptions()

    assert Subscription.objects.active().count() == 0


def test_beat_asks_for_a_task_of_this_name() -> None:
    asked = {entry["task"] for entry in app.conf.beat_schedule.values()}

    assert expire_subscriptions.name in asked
