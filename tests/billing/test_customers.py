"""Customers: one per user and per organization, whatever happens twice."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from uuid import UUID

import pytest
from django.db import IntegrityError, connection

from billing.models import Customer, OrgMember
from billing.services import forget_member, note_members, open_customer
from opencore.events.billing.v1 import CustomerCreated
from tests.billing.conftest import Emitted


@pytest.mark.django_db
def test_opens_a_customer_for_a_user(ada: UUID, emitted: Emitted) -> None:
    customer = open_customer(user_id=ada, email="ada@example.com", actor_id=None)

    stored = Customer.objects.get()
    assert (stored.id, stored.user_id, stored.org_id, stored.email) == (
        customer.id,
        ada,
        None,
        "ada@example.com",
    )
    assert emitted() == [CustomerCreated(customer_id=customer.id, user_id=ada)]


@pytest.mark.django_db
def test_opens_a_customer_for_an_organization(
    acme: UUID, grace: UUID, emitted: Emitted
) -> None:
    customer = open_customer(org_id=acme, actor_id=grace)

    assert Customer.objects.get().org_id == acme
    assert emitted() == [CustomerCreated(customer_id=customer.id, org_id=acme)]


@pytest.mark.django_db
def test_a_second_call_finds_the_first_customer_silently(
    ada: UUID, customer: Customer, emitted: Emitted
) -> None:
    again = open_customer(user_id=ada, email="other@example.com", actor_id=None)

    assert again == customer
    assert Customer.objects.get().email == "ada@example.com"
    assert emitted() == []


@pytest.mark.django_db
def test_refuses_a_customer_with_two_owners(ada: UUID, acme: UUID) -> None:
    with pytest.raises(ValueError, match="either a user or an organization"):
        open_customer(user_id=ada, org_id=acme, actor_id=None)

    assert Customer.objects.count() == 0


@pytest.mark.django_db
def test_refuses_a_customer_without_an_owner(customer: Customer) -> None:
    with pytest.raises(ValueError, match="either a user or an organization"):
        open_customer(actor_id=None)

    assert Customer.objects.get() == customer


@pytest.mark.django_db
def test_the_database_refuses_a_customer_without_an_owner() -> None:
    with pytest.raises(IntegrityError, match="billing_customer_is_a_user_or_an_org"):
        Customer.objects.create()


@pytest.mark.django_db(transaction=True)
def test_eight_at_once_open_one_customer(ada: UUID, emitted: Emitted) -> None:
    together = Barrier(8)

    def open_it() -> UUID:
        try:
            together.wait(timeout=10)
            return open_customer(user_id=ada, actor_id=None).id
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as threads:
        opening = [threads.submit(open_it) for _ in range(8)]

    (customer,) = Customer.objects.all()
    assert {future.result() for future in opening} == {customer.id}
    assert emitted() == [CustomerCreated(customer_id=customer.id, user_id=ada)]


@pytest.mark.django_db
def test_a_member_has_the_role_heard_last(acme: UUID, ada: UUID) -> None:
    note_members(roles={(acme, ada): "admin"})

    assert OrgMember.objects.get(org_id=acme, user_id=ada).role == "admin"


@pytest.mark.django_db
def test_a_member_who_left_is_forgotten_alone(
    acme: UUID, ada: UUID, grace: UUID
) -> None:
    forget_member(org_id=acme, user_id=ada)

    assert OrgMember.objects.get(org_id=acme).user_id == grace
