"""Money that people moved by themselves, such as a bank transfer."""

from uuid import UUID


class ManualProvider:
    """Believes who records the payment; there is nobody to ask."""

    name = "manual"

    def take(
        self,
        *,
        payment_id: UUID,
        amount_minor: int,  # noqa: ARG002 -- the signature is the provider's
        currency: str,  # noqa: ARG002 -- the signature is the provider's
    ) -> str:
        """Return the payment's own id: nobody else gave it a reference."""
        return str(payment_id)
