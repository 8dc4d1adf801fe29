"""billing as a Django app."""

from django.apps import AppConfig


class BillingConfig(AppConfig):
    """See the package."""

    name = "billing"
    verbose_name = "Billing"

    def ready(self) -> None:
        """Be asked what is known about a person."""
        from billing.privacy import BillingData  # noqa: PLC0415 -- apps are loading
        from opencore.privacy import register  # noqa: PLC0415 -- apps are loading

        data = BillingData()
        register(self.name, exporter=data, eraser=data)
