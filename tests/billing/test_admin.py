"""What operators see and do."""

from datetime import timedelta
from uuid import UUID

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.utils import timezone

from billing.models import Customer, Subscription
from billing.services import subscribe
from opencore.events.billing.v1 import SubscriptionExpired
from tests.billing.conftest import Emitted

pytestmark = pytest.mark.django_db

SUBSCRIPTIONS = "/admin/billing/subscription/"


@pytest.fixture
def operator(client: Client) -> UUID:
    """The operator that the client is signed in as."""
    user = get_user_model().objects.create(
        email="operator@example.com", role="operator", is_staff=True, is_superuser=True
    )
    client.force_login(user)
    return UUID(str(user.pk))


@pytest.fixture
def subscription(customer: Customer, ada: UUID) -> Subscription:
    """ada's live subscription."""
    now = timezone.now()
    return subscribe(
        customer_id=customer.id,
        user_id=ada,
        plan="pro",
        period_end=now + timedelta(days=30),
        now=now,
        actor_id=ada,
    )


@pytest.mark.usefixtures("operator", "subscription")
@pytest.mark.parametrize("page", ["customer", "payment", "subscription"])
def test_an_operator_finds_rows(client: Client, ada: UUID, page: str) -> None:
    response = client.get(f"/admin/billing/{page}/?q={ada}")

    assert response.status_code == 200


@pytest.mark.usefixtures("operator")
@pytest.mark.parametrize("page", ["customer", "payment", "subscription"])
def test_nobody_adds_rows(client: Client, page: str) -> None:
    assert client.get(f"/admin/billing/{page}/add/").status_code == 403


@pytest.mark.usefixtures("operator")
def test_nobody_deletes_a_subscription(
    client: Client, subscription: Subscription
) -> None:
    response = client.post(f"{SUBSCRIPTIONS}{subscription.id}/delete/")

    assert response.status_code == 403
    assert Subscription.objects.count() == 1


def test_an_operator_expires_a_subscription_now(
    client: Client, operator: UUID, subscription: Subscription, emitted: Emitted
) -> None:
    response = client.post(
        SUBSCRIPTIONS,
        {"action": "expire_now", "_selected_action": [str(subscription.id)]},
        follow=True,
    )

    subscription.refresh_from_db()
    assert (subscription.status, subscription.expired_by) == ("expired", operator)
    (event,) = emitted()
    assert isinstance(event, SubscriptionExpired)
    assert b"Expired 1 subscriptions; 0 had expired before." in response.content


@pytest.mark.usefixtures("operator")
def test_what_is_over_can_not_be_expired_again(
    client: Client, subscription: Subscription
) -> None:
    again = {"action": "expire_now", "_selected_action": [str(subscription.id)]}
    client.post(SUBSCRIPTIONS, again)

    response = client.post(SUBSCRIPTIONS, again, follow=True)

    assert b"Expired 0 subscriptions; 1 had expired before." in response.content
