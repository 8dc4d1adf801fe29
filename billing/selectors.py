"""What may be seen, and by whom."""

from uuid import UUID

from django.db.models import QuerySet

from billing.errors import CustomerPending
from billing.models import Customer, OrgMember, Payment, Subscription
from opencore.errors import Forbidden, NotFound

ROLES_THAT_PAY = frozenset({"owner", "admin"})


def customer_for_payer(
    *, user_id: UUID, org_id: UUID | None = None, customer_id: UUID | None = None
) -> Customer:
    """Return the customer that this person may pay for: their own unless one is named.

    Raises NotFound for what the person can't know of, Forbidden for a member who is
    neither owner nor admin, CustomerPending while the customer is being opened.
    """
    if customer_id is not None:
        customer = Customer.objects.filter(id=customer_id).first()
        if customer is None:
            raise NotFound
        _authorize(customer, user_id)
        return customer
    customer = _customers(user_id, org_id).first()
    if customer is None:
        raise CustomerPending
    return customer


def payments_for_payer(*, user_id: UUID, org_id: UUID | None) -> QuerySet[Payment]:
    """Return the person's own payments, or an organization's they may pay for."""
    # A single value, not a join: the index then gives the rows in the page's order.
    customer_id = _customers(user_id, org_id).values("id")[:1]
    return Payment.objects.filter(customer=customer_id)


def payment_for_payer(*, payment_id: UUID, user_id: UUID) -> Payment:
    """Return one payment of a customer that this person may pay for."""
    payment = Payment.objects.select_related("customer").filter(id=payment_id).first()
    if payment is None:
        raise NotFound
    _authorize(payment.customer, user_id)
    return payment


def subscriptions_for_payer(
    *, user_id: UUID, org_id: UUID | None
) -> QuerySet[Subscription]:
    """Return the person's own subscriptions, or an organization's they may pay for."""
    customer_id = _customers(user_id, org_id).values("id")[:1]
    return Subscription.objects.filter(customer=customer_id)


def subscription_for_payer(*, subscription_id: UUID, user_id: UUID) -> Subscription:
    """Return one subscription of a customer that this person may pay for."""
    found = Subscription.objects.select_related("customer").filter(id=subscription_id)
    subscription = found.first()
    if subscription is None:
        raise NotFound
    _authorize(subscription.customer, user_id)
    return subscription


def _customers(user_id: UUID, org_id: UUID | None) -> QuerySet[Customer]:
    if org_id is None:
        return Customer.objects.filter(user_id=user_id)
    _authorize_for_org(org_id, user_id)
    return Customer.objects.filter(org_id=org_id)


def _authorize(customer: Customer, user_id: UUID) -> None:
    if customer.org_id is not None:
        _authorize_for_org(customer.org_id, user_id)
    elif customer.user_id != user_id:
        raise NotFound


def _authorize_for_org(org_id: UUID, user_id: UUID) -> None:
    roles = OrgMember.objects.filter(org_id=org_id, user_id=user_id)
    role = roles.values_list("role", flat=True).first()
    if role is None:
        raise NotFound
    if role not in ROLES_THAT_PAY:
        raise Forbidden
