"""What billing refuses."""

from http import HTTPStatus
from typing import ClassVar

from opencore.errors import DomainError, FieldProblem, Retryable, ValidationFailed


class CustomerPending(DomainError):
    """The account was created a moment ago; its billing customer is being opened."""

    code: ClassVar[str] = "customer_pending"
    status: ClassVar[HTTPStatus] = HTTPStatus.CONFLICT
    retryable: ClassVar[Retryable] = "yes"

    def __init__(self) -> None:
        super().__init__(headers={"Retry-After": "1"})


class AlreadySubscribed(DomainError):
    """This customer has a live subscription to this plan."""

    code: ClassVar[str] = "already_subscribed"
    status: ClassVar[HTTPStatus] = HTTPStatus.CONFLICT


class SubscriptionNotActive(DomainError):
    """The subscription has expired already."""

    code: ClassVar[str] = "subscription_not_active"
    status: ClassVar[HTTPStatus] = HTTPStatus.CONFLICT


class PeriodEndOutOfRange(ValidationFailed):
    """A period ends in the future, and within ten years."""

    def __init__(self) -> None:
        problem = FieldProblem("/period_end", "out_of_range", "Not within ten years.")
        super().__init__(errors=(problem,))
