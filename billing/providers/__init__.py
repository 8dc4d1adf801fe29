"""Who moves the money: what billing needs of them, and one module for each."""

from typing import Protocol
from uuid import UUID


class PaymentProvider(Protocol):
    """Takes money and says under what reference.

    It is asked inside the payment's transaction, so it must not wait for anybody
    outside this process.
    """

    @property
    def name(self) -> str:
        """Return what payments of this provider are marked with."""
        ...

    def take(self, *, payment_id: UUID, amount_minor: int, currency: str) -> str:
        """Take the money, once per payment id, and return the provider's reference."""
        ...
