"""Payments over HTTP: shapes, permissions, and repeated requests."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.http.response import HttpResponseBase
from django.test import Client

from billing.models import Customer, Payment
from billing.services import note_members, open_customer
from opencore.events.billing.v1 import PaymentSucceeded
from tests.api import Api, assert_problem, body_of
from tests.billing.conftest import Emitted

PATH = "/v1/billing/payments"
EUROS = {"amount_minor": 1999, "currency": "EUR"}


@pytest.mark.django_db
def test_records_a_payment_of_the_caller(
    ada: UUID, customer: Customer, emitted: Emitted
) -> None:
    body = {**EUROS, "description": "June"}

    response = Api(ada).post(PATH, body, key="k1")

    payment = Payment.objects.get()
    assert response.status_code == 201
    assert response["Location"] == f"{PATH}/{payment.id}"
    assert body_of(response) == {
        "id": str(payment.id),
        "customer_id": str(customer.id),
        "user_id": str(ada),
        "amount_minor": 1999,
        "currency": "EUR",
        "provider": "manual",
        "status": "succeeded",
        "description": "June",
        "created_at": payment.created_at.isoformat().replace("+00:00", "Z"),
    }
    (event,) = emitted()
    assert isinstance(event, PaymentSucceeded)
    assert event.payment_id == payment.id


@pytest.mark.django_db
@pytest.mark.parametrize("role", ["owner", "admin"])
@pytest.mark.parametrize("named_by", ["org_id", "customer_id"])
def test_who_runs_an_organization_pays_for_it(
    ada: UUID, acme: UUID, acme_customer: Customer, role: str, named_by: str
) -> None:
    note_members(roles={(acme, ada): role})
    named = {"org_id": str(acme), "customer_id": str(acme_customer.id)}

    response = Api(ada).post(PATH, {**EUROS, named_by: named[named_by]}, key="k1")

    assert response.status_code == 201
    payment = Payment.objects.get()
    assert (payment.customer, payment.user_id) == (acme_customer, ada)


@pytest.mark.django_db
@pytest.mark.parametrize("named_by", ["org_id", "customer_id"])
def test_a_member_may_not_pay_for_the_organization(
    ada: UUID, acme: UUID, acme_customer: Customer, named_by: str
) -> None:
    named = {"org_id": str(acme), "customer_id": str(acme_customer.id)}

    response = Api(ada).post(PATH, {**EUROS, named_by: named[named_by]}, key="k1")

    assert_problem(response, 403, "forbidden")
    assert Payment.objects.count() == 0


@pytest.mark.django_db
@pytest.mark.parametrize("whose", ["org_id", "customer_id", "nobody's"])
def test_an_outsider_can_not_tell_a_foreign_customer_from_none(
    mallory: UUID, customer: Customer, acme: UUID, acme_customer: Customer, whose: str
) -> None:
    named = {
        "org_id": {"org_id": str(acme)},
        "customer_id": {"customer_id": str(customer.id)},
        "nobody's": {"customer_id": str(uuid4())},
    }

    response = Api(mallory).post(PATH, {**EUROS, **named[whose]}, key="k1")

    assert_problem(response, 404, "not_found")
    assert Payment.objects.count() == 0


@pytest.mark.django_db
def test_refuses_who_is_not_signed_in(client: Client) -> None:
    response = client.post(PATH, EUROS, content_type="application/json")

    assert_problem(response, 401, "unauthenticated")


AMOUNTS: dict[str, object] = {
    "nothing": 0,
    "less than nothing": -1,
    "too large": 2**63,
    "far too large": 10**30,
    "boolean": True,
    "fraction": 1.5,
    "text": "12",
    "null": None,
    "list": [1],
}


@pytest.mark.django_db
@pytest.mark.parametrize("amount", AMOUNTS.values(), ids=AMOUNTS.keys())
def test_refuses_an_amount_that_is_no_positive_integer(
    ada: UUID, customer: Customer, amount: object
) -> None:
    response = Api(ada).post(PATH, {**EUROS, "amount_minor": amount}, key="k1")

    assert_problem(response, 400, "validation_error", "/amount_minor")
    assert Payment.objects.count() == 0


@pytest.mark.django_db
def test_takes_a_whole_number_however_it_is_spelled(
    ada: UUID, customer: Customer
) -> None:
    response = Api(ada).post(PATH, {**EUROS, "amount_minor": 1e3}, key="k1")

    assert body_of(response)["amount_minor"] == 1000


@pytest.mark.django_db
def test_takes_the_largest_amount(ada: UUID, customer: Customer) -> None:
    response = Api(ada).post(PATH, {**EUROS, "amount_minor": 2**63 - 1}, key="k1")

    assert body_of(response)["amount_minor"] == 2**63 - 1


@pytest.mark.django_db
@pytest.mark.parametrize("currency", ["eur", "XXX", "XAU", "DEM", "EURO", "", 978])
def test_refuses_what_is_no_currency(
    ada: UUID, customer: Customer, currency: object
) -> None:
    response = Api(ada).post(PATH, {**EUROS, "currency": currency}, key="k1")

    assert_problem(response, 400, "validation_error", "/currency")


@pytest.mark.django_db
def test_points_to_each_thing_that_is_wrong(ada: UUID, customer: Customer) -> None:
    response = Api(ada).post(PATH, {"amount": 5, "description": 7}, key="k1")

    assert_problem(
        response,
        400,
        "validation_error",
        "/amount_minor",
        "/currency",
        "/description",
        "/amount",
    )


@pytest.mark.django_db
def test_refuses_two_names_for_the_customer(
    ada: UUID, customer: Customer, acme: UUID
) -> None:
    both = {"customer_id": str(customer.id), "org_id": str(acme)}

    response = Api(ada).post(PATH, {**EUROS, **both}, key="k1")

    assert_problem(response, 400, "validation_error", "/org_id")


@pytest.mark.django_db
def test_a_payment_does_not_wait_for_the_event_that_opens_the_customer(
    ada: UUID,
) -> None:
    response = Api(ada).post(PATH, EUROS, key="k1")

    assert response.status_code == 201
    opened = Customer.objects.get()
    assert (opened.user_id, str(opened.id)) == (ada, body_of(response)["customer_id"])


@pytest.mark.django_db
def test_the_event_that_comes_later_finds_that_customer_and_adds_the_address(
    ada: UUID,
) -> None:
    Api(ada).post(PATH, EUROS, key="k1")

    open_customer(user_id=ada, email="ada@example.com", actor_id=None)

    assert Customer.objects.get().email == "ada@example.com"


@pytest.mark.django_db
def test_waits_for_an_organizations_customer(ada: UUID, acme: UUID) -> None:
    note_members(roles={(acme, ada): "owner"})

    response = Api(ada).post(PATH, {**EUROS, "org_id": str(acme)}, key="k1")

    assert_problem(response, 409, "customer_pending")
    assert response["Retry-After"] == "1"
    assert body_of(response)["retryable"] == "yes"


@pytest.mark.django_db
def test_needs_an_idempotency_key(ada: UUID, customer: Customer) -> None:
    response = Api(ada).post(PATH, EUROS)

    assert_problem(response, 400, "idempotency_key_required")
    assert Payment.objects.count() == 0


@pytest.mark.django_db
def test_a_repeated_request_gets_the_first_answer(
    ada: UUID, customer: Customer, emitted: Emitted
) -> None:
    first = Api(ada).post(PATH, EUROS, key="k1")

    second = Api(ada).post(PATH, EUROS, key="k1")

    assert second.status_code == 201
    assert second["Idempotency-Replayed"] == "true"
    assert second["Location"] == first["Location"]
    assert second.getvalue() == first.getvalue()
    assert Payment.objects.count() == 1
    assert len(emitted()) == 1


@pytest.mark.django_db
def test_a_key_is_good_for_one_request(ada: UUID, customer: Customer) -> None:
    Api(ada).post(PATH, EUROS, key="k1")

    response = Api(ada).post(PATH, {**EUROS, "amount_minor": 1}, key="k1")

    assert_problem(response, 422, "idempotency_mismatch")
    assert Payment.objects.count() == 1


@pytest.mark.django_db
def test_keys_of_two_people_are_two(ada: UUID, grace: UUID, customer: Customer) -> None:
    open_customer(user_id=grace, actor_id=None)
    Api(ada).post(PATH, EUROS, key="k1")

    response = Api(grace).post(PATH, EUROS, key="k1")

    assert "Idempotency-Replayed" not in response
    assert Payment.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_eight_equal_requests_at_once_are_one_payment(
    ada: UUID, customer: Customer, emitted: Emitted
) -> None:
    together = Barrier(8)

    def pay() -> HttpResponseBase:
        try:
            together.wait(timeout=10)
            return Api(ada).post(PATH, EUROS, key="k1")
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as threads:
        paying = [threads.submit(pay) for _ in range(8)]

    answers = [future.result() for future in paying]
    refusals = [answer for answer in answers if answer.status_code != 201]
    assert len(refusals) < 8
    assert {body_of(refusal)["code"] for refusal in refusals} <= {
        "idempotency_in_progress"
    }
    assert Payment.objects.count() == 1
    assert len(emitted()) == 1


@pytest.fixture
def payments(ada: UUID, customer: Customer) -> list[str]:
    """Three payments of ada's, newest first."""
    answers = [
        Api(ada).post(PATH, {**EUROS, "amount_minor": amount}, key=f"k{amount}")
        for amount in (1, 2, 3)
    ]
    return [body_of(answer)["id"] for answer in reversed(answers)]


@pytest.mark.django_db
def test_lists_payments_page_by_page(ada: UUID, payments: list[str]) -> None:
    first = body_of(Api(ada).get(f"{PATH}?limit=2"))
    last = body_of(Api(ada).get(f"{PATH}?limit=2&cursor={first['next_cursor']}"))

    assert [payment["id"] for payment in first["data"]] == payments[:2]
    assert first["has_more"] is True
    assert [payment["id"] for payment in last["data"]] == payments[2:]
    assert (last["has_more"], last["next_cursor"]) == (False, None)


@pytest.mark.django_db
def test_lists_nobody_elses_payments(mallory: UUID, payments: list[str]) -> None:
    response = Api(mallory).get(PATH)

    assert body_of(response) == {"data": [], "next_cursor": None, "has_more": False}


@pytest.mark.django_db
def test_lists_an_organizations_payments_to_who_runs_it(
    grace: UUID, acme: UUID, acme_customer: Customer, payments: list[str]
) -> None:
    Api(grace).post(PATH, {**EUROS, "org_id": str(acme)}, key="k1")

    listed = body_of(Api(grace).get(f"{PATH}?org_id={acme}"))

    (payment,) = listed["data"]
    assert payment["customer_id"] == str(acme_customer.id)


@pytest.mark.django_db
def test_lists_an_organizations_payments_to_no_mere_member(
    ada: UUID, acme: UUID, acme_customer: Customer
) -> None:
    assert_problem(Api(ada).get(f"{PATH}?org_id={acme}"), 403, "forbidden")


@pytest.mark.django_db
def test_lists_an_organizations_payments_to_no_outsider(
    mallory: UUID, acme: UUID, acme_customer: Customer
) -> None:
    assert_problem(Api(mallory).get(f"{PATH}?org_id={acme}"), 404, "not_found")


@pytest.mark.django_db
@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "org_id=x"])
def test_refuses_a_query_that_can_not_be(ada: UUID, query: str) -> None:
    pointer = f"/{query.partition('=')[0]}"

    assert_problem(Api(ada).get(f"{PATH}?{query}"), 400, "validation_error", pointer)


@pytest.mark.django_db
def test_refuses_a_query_that_nobody_knows(ada: UUID) -> None:
    assert_problem(
        Api(ada).get(f"{PATH}?sort=amount"), 400, "validation_error", "/sort"
    )


@pytest.mark.django_db
def test_shows_one_payment(ada: UUID, payments: list[str]) -> None:
    response = Api(ada).get(f"{PATH}/{payments[0]}")

    assert response.status_code == 200
    assert body_of(response)["amount_minor"] == 3


@pytest.mark.django_db
def test_shows_a_payment_to_nobody_else(mallory: UUID, payments: list[str]) -> None:
    assert_problem(Api(mallory).get(f"{PATH}/{payments[0]}"), 404, "not_found")


@pytest.mark.django_db
def test_a_member_who_left_sees_the_payment_no_more(
    grace: UUID, acme: UUID, acme_customer: Customer
) -> None:
    paid = Api(grace).post(PATH, {**EUROS, "org_id": str(acme)}, key="k1")
    note_members(roles={(acme, grace): "member"})

    assert_problem(Api(grace).get(paid["Location"]), 403, "forbidden")
