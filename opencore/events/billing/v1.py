"""What happened to customers, their payments and their subscriptions."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from opencore.events.base import Event


@dataclass(frozen=True, kw_only=True, slots=True)
class CustomerCreated(Event):
    """A customer was opened for a user or for an organization."""

    type: ClassVar[str] = "opencore.billing.v1.customer-created"

    customer_id: UUID
    user_id: UUID | None = None
    org_id: UUID | None = None

    @property
    def key(self) -> UUID:
        """Return the customer."""
        return self.customer_id


@dataclass(frozen=True, kw_only=True, slots=True)
class PaymentSucceeded(Event):
    """A payment was captured. Amounts are in the currency's smallest unit."""

    type: ClassVar[str] = "opencore.billing.v1.payment-succeeded"

    payment_id: UUID
    customer_id: UUID
    user_id: UUID
    amount_minor: int
    currency: str
    provider: str

    @property
    def key(self) -> UUID:
        """Return the customer."""
        return self.customer_id


@dataclass(frozen=True, kw_only=True, slots=True)
class SubscriptionCreated(Event):
    """A customer subscribed to a plan until the end of the period."""

    type: ClassVar[str] = "opencore.billing.v1.subscription-created"

    subscription_id: UUID
    customer_id: UUID
    user_id: UUID
    plan: str
    period_end: datetime

    @property
    def key(self) -> UUID:
        """Return the customer."""
        return self.customer_id


@dataclass(frozen=True, kw_only=True, slots=True)
class SubscriptionExpired(Event):
    """A subscription's period ended and nobody renewed it."""

    type: ClassVar[str] = "opencore.billing.v1.subscription-expired"

    subscription_id: UUID
    customer_id: UUID
    user_id: UUID
    plan: str
    expired_at: datetime

    @property
    def key(self) -> UUID:
        """Return the customer."""
        return self.customer_id
