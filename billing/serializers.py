"""The shapes of what billing is asked and what it answers."""

from typing import Any

from drf_spectacular.utils import (
    OpenApiExample,
    extend_schema_field,
    extend_schema_serializer,
    inline_serializer,
)
from rest_framework import serializers

from billing.models import Customer, Payment, Subscription
from billing.services import LONGEST_PERIOD
from opencore.currencies import MINOR_DIGITS
from opencore.rest import StrictSerializer, Text, WholeNumber

LARGEST_AMOUNT = 2**63 - 1


@extend_schema_field({"type": "string", "enum": sorted(MINOR_DIGITS)})
class Currency(Text):
    """Accepts a code of ISO 4217, in capitals."""


class CustomerQuery(StrictSerializer):
    """Whose customer is meant: the caller's own unless an organization is named."""

    org_id = serializers.UUIDField(required=False)


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "The caller's own",
            {"amount_minor": 1999, "currency": "EUR", "description": "June"},
            request_only=True,
        )
    ]
)
class NewPayment(StrictSerializer):
    """A payment to be recorded; without a customer it is the caller's own."""

    at_most_one = ("customer_id", "org_id")

    customer_id = serializers.UUIDField(required=False)
    org_id = serializers.UUIDField(required=False)
    amount_minor = WholeNumber(min_value=1, max_value=LARGEST_AMOUNT)
    currency = Currency()
    description = Text(required=False, allow_blank=True, default="", max_length=500)

    def validate_currency(self, currency: str) -> str:
        """Refuse what is no currency of ISO 4217 in capitals."""
        if currency not in MINOR_DIGITS:
            raise serializers.ValidationError(
                "Use a code of ISO 4217 in capitals.", "unknown_currency"
            )
        return currency

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse two names for the customer: they could mean two customers."""
        if "customer_id" in attrs and "org_id" in attrs:
            raise serializers.ValidationError(
                {"org_id": "Name the customer or the organization, not both."},
                "ambiguous",
            )
        return attrs


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "For thirty days",
            {"plan": "pro", "period_seconds": 2_592_000},
            request_only=True,
        )
    ]
)
class NewSubscription(StrictSerializer):
    """A subscription to be begun; its end is a time, or so many seconds from now."""

    exactly_one = ("period_seconds", "period_end")

    org_id = serializers.UUIDField(required=False)
    plan = Text(max_length=100)
    period_seconds = WholeNumber(
        required=False,
        min_value=1,
        max_value=int(LONGEST_PERIOD.total_seconds()),
    )
    period_end = serializers.DateTimeField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse a period with no end, or with two."""
        if ("period_seconds" in attrs) == ("period_end" in attrs):
            raise serializers.ValidationError(
                {"period_end": "Give either period_seconds or period_end."},
                "ambiguous",
            )
        return attrs


class CustomerAnswer(serializers.ModelSerializer[Customer]):
    """A customer as its people see it."""

    class Meta:
        model = Customer
        fields = ("id", "user_id", "org_id", "email", "created_at")
        read_only_fields = fields


class PaymentAnswer(serializers.ModelSerializer[Payment]):
    """A payment as its customer sees it."""

    class Meta:
        model = Payment
        fields = (
            "id",
            "customer_id",
            "user_id",
            "amount_minor",
            "currency",
            "provider",
            "status",
            "description",
            "created_at",
        )
        read_only_fields = fields


class SubscriptionAnswer(serializers.ModelSerializer[Subscription]):
    """A subscription as its customer sees it."""

    class Meta:
        model = Subscription
        fields = (
            "id",
            "customer_id",
            "user_id",
            "plan",
            "status",
            "period_end",
            "expired_at",
            "created_at",
        )
        read_only_fields = fields


PaymentPage = inline_serializer(
    "PaymentPage",
    {
        "data": PaymentAnswer(many=True),
        "next_cursor": serializers.CharField(allow_null=True),
        "has_more": serializers.BooleanField(),
    },
)
SubscriptionPage = inline_serializer(
    "SubscriptionPage",
    {
        "data": SubscriptionAnswer(many=True),
        "next_cursor": serializers.CharField(allow_null=True),
        "has_more": serializers.BooleanField(),
    },
)
