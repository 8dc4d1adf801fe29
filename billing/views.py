"""Billing's endpoints."""

from datetime import datetime, timedelta
from functools import partial
from http import HTTPStatus
from typing import Any, cast
from uuid import UUID

from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from billing.models import Payment, Subscription
from billing.providers.manual import ManualProvider
from billing.selectors import (
    customer_for_payer,
    payment_for_payer,
    payments_for_payer,
    subscription_for_payer,
    subscriptions_for_payer,
)
from billing.serializers import (
    CustomerAnswer,
    CustomerQuery,
    NewPayment,
    NewSubscription,
    PaymentAnswer,
    PaymentPage,
    SubscriptionAnswer,
    SubscriptionPage,
)
from billing.services import payer_of, record_payment, subscribe
from opencore.authentication import principal_of
from opencore.idempotency import key_parameter, once
from opencore.rest import (
    IDENTITY,
    TIME,
    Filter,
    Listing,
    Sort,
    read_body,
    read_query,
)

IDEMPOTENCY_KEY = key_parameter(
    "Made up by the client, the same for each attempt at one effect.", required=True
)


class CustomerView(APIView):
    """The billing customer of a person or of an organization."""

    @extend_schema(
        operation_id="read_customer",
        parameters=[CustomerQuery],
        responses=CustomerAnswer,
    )
    def get(self, request: Request) -> Response:
        """Show the customer; 409 `customer_pending` while it is being opened."""
        query = read_query(CustomerQuery, request)
        customer = customer_for_payer(
            user_id=principal_of(request).user_id, org_id=query.get("org_id")
        )
        return Response(CustomerAnswer(customer).data)


_ORGANIZATION = Filter(
    name="org_id",
    kind=IDENTITY,
    description="Whose, if not the caller's own: an organization's.",
)
PAYMENTS = Listing(
    model=Payment,
    given=(_ORGANIZATION,),
    filters=(
        Filter(name="status", lookups=("in",), one_of=tuple(Payment.Status.values)),
        Filter(name="currency"),
        Filter(name="created_at", kind=TIME, lookups=("gte", "lt")),
    ),
    sorts=(
        Sort(
            name="created_at",
            key=("created_at", "id"),
            index="billing_payments_of_customer",
        ),
    ),
)
SUBSCRIPTIONS = Listing(
    model=Subscription,
    given=(_ORGANIZATION,),
    filters=(
        Filter(
            name="status", lookups=("in",), one_of=tuple(Subscription.Status.values)
        ),
        Filter(name="plan"),
        Filter(name="created_at", kind=TIME, lookups=("gte", "lt")),
    ),
    sorts=(
        Sort(
            name="created_at",
            key=("created_at", "id"),
            index="billing_subs_of_customer",
        ),
    ),
)


class PaymentsView(APIView):
    """The payments of a person or of an organization."""

    @extend_schema(
        operation_id="list_payments",
        parameters=PAYMENTS.parameters(),
        responses=PaymentPage,
    )
    def get(self, request: Request) -> Response:
        """List payments, newest first."""
        asked = PAYMENTS.read(request)
        payments = payments_for_payer(
            user_id=principal_of(request).user_id, org_id=asked.given.get("org_id")
        )
        return asked.page(payments).answer(_show_payment)

    @extend_schema(
        operation_id="record_payment",
        parameters=[IDEMPOTENCY_KEY],
        request=NewPayment,
        responses={HTTPStatus.CREATED: PaymentAnswer},
    )
    def post(self, request: Request) -> HttpResponseBase:
        """Record a payment that was made outside of OpenCore."""
        return once(request, partial(self._record, request))

    def _record(self, request: Request) -> Response:
        body, user_id = read_body(NewPayment, request), principal_of(request).user_id
        customer = payer_of(
            user_id=user_id,
            org_id=body.get("org_id"),
            customer_id=body.get("customer_id"),
            actor_id=user_id,
        )
        payment = record_payment(
            customer_id=customer.id,
            user_id=user_id,
            amount_minor=body["amount_minor"],
            currency=body["currency"],
            description=body["description"],
            provider=ManualProvider(),
            actor_id=user_id,
        )
        return _created(_show_payment(payment), "billing-payment")


class PaymentView(APIView):
    """One payment."""

    @extend_schema(operation_id="read_payment", responses=PaymentAnswer)
    def get(self, request: Request, payment_id: UUID) -> Response:
        """Show the payment."""
        payment = payment_for_payer(
            payment_id=payment_id, user_id=principal_of(request).user_id
        )
        return Response(_show_payment(payment))


class SubscriptionsView(APIView):
    """The subscriptions of a person or of an organization."""

    @extend_schema(
        operation_id="list_subscriptions",
        parameters=SUBSCRIPTIONS.parameters(),
        responses=SubscriptionPage,
    )
    def get(self, request: Request) -> Response:
        """List subscriptions, newest first."""
        asked = SUBSCRIPTIONS.read(request)
        subscriptions = subscriptions_for_payer(
            user_id=principal_of(request).user_id, org_id=asked.given.get("org_id")
        )
        return asked.page(subscriptions).answer(_show_subscription)

    @extend_schema(
        operation_id="subscribe",
        parameters=[IDEMPOTENCY_KEY],
        request=NewSubscription,
        responses={HTTPStatus.CREATED: SubscriptionAnswer},
    )
    def post(self, request: Request) -> HttpResponseBase:
        """Subscribe to a plan; 409 `already_subscribed` while one of it is live."""
        return once(request, partial(self._subscribe, request))

    def _subscribe(self, request: Request) -> Response:
        body, user_id = (
            read_body(NewSubscription, request),
            principal_of(request).user_id,
        )
        customer = payer_of(
            user_id=user_id, org_id=body.get("org_id"), actor_id=user_id
        )
        now = timezone.now()
        subscription = subscribe(
            customer_id=customer.id,
            user_id=user_id,
            plan=body["plan"],
            period_end=_period_end(body, now),
            now=now,
            actor_id=user_id,
        )
        return _created(_show_subscription(subscription), "billing-subscription")


class SubscriptionView(APIView):
    """One subscription."""

    @extend_schema(operation_id="read_subscription", responses=SubscriptionAnswer)
    def get(self, request: Request, subscription_id: UUID) -> Response:
        """Show the subscription."""
        subscription = subscription_for_payer(
            subscription_id=subscription_id, user_id=principal_of(request).user_id
        )
        return Response(_show_subscription(subscription))


def _show_payment(payment: Payment) -> dict[str, Any]:
    return dict(PaymentAnswer(payment).data)


def _show_subscription(subscription: Subscription) -> dict[str, Any]:
    return dict(SubscriptionAnswer(subscription).data)


def _period_end(body: dict[str, Any], now: datetime) -> datetime:
    if "period_end" in body:
        return cast("datetime", body["period_end"])
    return now + timedelta(seconds=body["period_seconds"])


def _created(shown: dict[str, Any], route: str) -> Response:
    location = reverse(route, args=(shown["id"],))
    return Response(shown, HTTPStatus.CREATED, headers={"Location": location})
