"""Payments: recorded with their event, in whole minor units of a known currency."""

from uuid import UUID

import pytest
from django.db import DataError, IntegrityError, transaction

from billing.models import Customer, Payment
from billing.providers.manual import ManualProvider
from billing.services import record_payment
from opencore.events.billing.v1 import PaymentSucceeded
from outbox.models import OutboxEvent
from tests.billing.conftest import Emitted

pytestmark = pytest.mark.django_db

LARGEST = 2**63 - 1


class ProviderThatRefuses:
    """A provider that takes nothing."""

    name = "refusing"

    def take(self, *, payment_id: UUID, amount_minor: int, currency: str) -> str:
        raise ConnectionError("declined")


def pay(
    customer: Customer, *, amount_minor: int = 1999, currency: str = "EUR"
) -> Payment:
    """Let ada pay."""
    assert customer.user_id is not None
    return record_payment(
        customer_id=customer.id,
        user_id=customer.user_id,
        amount_minor=amount_minor,
        currency=currency,
        description="June",
        provider=ManualProvider(),
        actor_id=customer.user_id,
    )


def test_records_a_payment_and_tells_of_it(
    customer: Customer, ada: UUID, emitted: Emitted
) -> None:
    payment = pay(customer)

    stored = Payment.objects.get()
    assert stored == payment
    assert (stored.amount_minor, stored.currency) == (1999, "EUR")
    assert (stored.provider, stored.provider_ref) == ("manual", str(payment.id))
    assert (stored.status, stored.description) == ("succeeded", "June")
    assert (stored.user_id, stored.recorded_by) == (ada, ada)
    assert emitted() == [
        PaymentSucceeded(
            payment_id=payment.id,
            customer_id=customer.id,
            user_id=ada,
            amount_minor=1999,
            currency="EUR",
            provider="manual",
        )
    ]


def test_keeps_the_largest_amount_exactly(customer: Customer) -> None:
    pay(customer, amount_minor=LARGEST)

    assert Payment.objects.get().amount_minor == LARGEST


@pytest.mark.parametrize("amount", [0, -1], ids=["nothing", "less than nothing"])
def test_the_database_refuses_an_amount_that_is_not_positive(
    customer: Customer, emitted: Emitted, amount: int
) -> None:
    with (
        pytest.raises(IntegrityError, match="billing_payment_is_more_than_nothing"),
        transaction.atomic(),
    ):
        pay(customer, amount_minor=amount)

    assert Payment.objects.count() == 0
    assert emitted() == []


def test_the_database_refuses_an_amount_beyond_its_range(customer: Customer) -> None:
    with pytest.raises(DataError), transaction.atomic():
        pay(customer, amount_minor=LARGEST + 1)

    assert Payment.objects.count() == 0


@pytest.mark.parametrize("currency", ["eur", "EU", "€€€", ""])
def test_the_database_refuses_a_currency_that_is_not_three_capitals(
    customer: Customer, currency: str
) -> None:
    with (
        pytest.raises(
            IntegrityError, match="billing_payment_currency_is_three_capitals"
        ),
        transaction.atomic(),
    ):
        pay(customer, currency=currency)

    assert Payment.objects.count() == 0


def test_what_the_provider_did_not_take_is_no_payment(
    customer: Customer, ada: UUID
) -> None:
    before = OutboxEvent.objects.count()

    with pytest.raises(ConnectionError):
        record_payment(
            customer_id=customer.id,
            user_id=ada,
            amount_minor=1,
            currency="EUR",
            description="",
            provider=ProviderThatRefuses(),
            actor_id=ada,
        )

    assert Payment.objects.count() == 0
    assert OutboxEvent.objects.count() == before
