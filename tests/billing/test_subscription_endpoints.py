"""Customers and subscriptions over HTTP."""

from datetime import timedelta
from uuid import UUID

import pytest
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from billing.models import Customer, Subscription
from billing.services import LONGEST_PERIOD
from tests.api import Api, assert_problem, body_of
from tests.billing.conftest import Emitted

pytestmark = pytest.mark.django_db

PATH = "/v1/billing/subscriptions"
MONTH = {"plan": "pro", "period_seconds": 30 * 24 * 3600}


def test_shows_the_callers_customer(ada: UUID, customer: Customer) -> None:
    response = Api(ada).get("/v1/billing/customer")

    assert response.status_code == 200
    assert body_of(response) == {
        "id": str(customer.id),
        "user_id": str(ada),
        "org_id": None,
        "email": "ada@example.com",
        "created_at": customer.created_at.isoformat().replace("+00:00", "Z"),
    }


def test_asks_to_come_again_for_a_customer_that_is_being_opened(ada: UUID) -> None:
    assert_problem(Api(ada).get("/v1/billing/customer"), 409, "customer_pending")


def test_shows_an_organizations_customer_to_its_owner(
    grace: UUID, acme: UUID, acme_customer: Customer
) -> None:
    response = Api(grace).get(f"/v1/billing/customer?org_id={acme}")

    assert body_of(response)["id"] == str(acme_customer.id)


def test_hides_an_organizations_customer_from_an_outsider(
    mallory: UUID, acme: UUID, acme_customer: Customer
) -> None:
    response = Api(mallory).get(f"/v1/billing/customer?org_id={acme}")

    assert_problem(response, 404, "not_found")


def test_subscribes_for_so_many_seconds(
    ada: UUID, customer: Customer, emitted: Emitted
) -> None:
    before = timezone.now()

    response = Api(ada).post(PATH, MONTH, key="k1")

    shown = body_of(response)
    subscription = Subscription.objects.get()
    assert response.status_code == 201
    assert response["Location"] == f"{PATH}/{subscription.id}"
    assert shown == {
        "id": str(subscription.id),
        "customer_id": str(customer.id),
        "user_id": str(ada),
        "plan": "pro",
        "status": "active",
        "period_end": subscription.period_end.isoformat().replace("+00:00", "Z"),
        "expired_at": None,
        "created_at": subscription.created_at.isoformat().replace("+00:00", "Z"),
    }
    lasts = subscription.period_end - before
    assert timedelta(days=30) <= lasts < timedelta(days=30, minutes=1)
    assert len(emitted()) == 1


def test_subscribes_until_a_time(ada: UUID, customer: Customer) -> None:
    end = (timezone.now() + timedelta(days=1)).isoformat()

    response = Api(ada).post(PATH, {"plan": "pro", "period_end": end}, key="k1")

    assert parse_datetime(body_of(response)["period_end"]) == parse_datetime(end)


def test_subscribes_an_organization(
    grace: UUID, acme: UUID, acme_customer: Customer
) -> None:
    response = Api(grace).post(PATH, {**MONTH, "org_id": str(acme)}, key="k1")

    assert body_of(response)["customer_id"] == str(acme_customer.id)


def test_subscribes_no_organization_for_a_mere_member(
    ada: UUID, acme: UUID, acme_customer: Customer
) -> None:
    response = Api(ada).post(PATH, {**MONTH, "org_id": str(acme)}, key="k1")

    assert_problem(response, 403, "forbidden")
    assert Subscription.objects.count() == 0


WRONG: dict[str, tuple[dict[str, object], str]] = {
    "no plan": ({"plan": "", "period_seconds": 1}, "/plan"),
    "plan is a number": ({"plan": 1, "period_seconds": 1}, "/plan"),
    "no end": ({"plan": "pro"}, "/period_end"),
    "two ends": (
        {"plan": "pro", "period_seconds": 1, "period_end": "2030-01-01T00:00:00Z"},
        "/period_end",
    ),
    "no time at all": ({"plan": "pro", "period_seconds": 0}, "/period_seconds"),
    "text": ({"plan": "pro", "period_seconds": "60"}, "/period_seconds"),
    "over ten years": (
        {"plan": "pro", "period_seconds": int(LONGEST_PERIOD.total_seconds()) + 1},
        "/period_seconds",
    ),
    "past": ({"plan": "pro", "period_end": "2001-01-01T00:00:00Z"}, "/period_end"),
    "no date": ({"plan": "pro", "period_end": "soon"}, "/period_end"),
    "end of time": ({"plan": "pro", "period_end": "9999-12-31T23:59Z"}, "/period_end"),
}


@pytest.mark.parametrize(("body", "pointer"), WRONG.values(), ids=WRONG.keys())
def test_refuses_what_is_no_subscription(
    ada: UUID, customer: Customer, body: dict[str, object], pointer: str
) -> None:
    response = Api(ada).post(PATH, body, key="k1")

    assert_problem(response, 400, "validation_error", pointer)
    assert Subscription.objects.count() == 0


def test_refuses_a_second_live_subscription(ada: UUID, customer: Customer) -> None:
    Api(ada).post(PATH, MONTH, key="k1")

    response = Api(ada).post(PATH, MONTH, key="k2")

    assert_problem(response, 409, "already_subscribed")
    assert Subscription.objects.count() == 1


def test_a_repeated_request_subscribes_once(ada: UUID, customer: Customer) -> None:
    first = Api(ada).post(PATH, MONTH, key="k1")

    second = Api(ada).post(PATH, MONTH, key="k1")

    assert second["Idempotency-Replayed"] == "true"
    assert second.getvalue() == first.getvalue()


def test_lists_the_callers_subscriptions(ada: UUID, customer: Customer) -> None:
    made = Api(ada).post(PATH, MONTH, key="k1")

    listed = body_of(Api(ada).get(PATH))

    assert listed == {"data": [body_of(made)], "next_cursor": None, "has_more": False}


def test_shows_one_subscription(ada: UUID, customer: Customer) -> None:
    made = Api(ada).post(PATH, MONTH, key="k1")

    assert body_of(Api(ada).get(made["Location"])) == body_of(made)


def test_shows_a_subscription_to_nobody_else(
    ada: UUID, mallory: UUID, customer: Customer
) -> None:
    made = Api(ada).post(PATH, MONTH, key="k1")

    assert_problem(Api(mallory).get(made["Location"]), 404, "not_found")
