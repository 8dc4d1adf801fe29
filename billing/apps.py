"""billing as a Django app."""

from django.apps import AppConfig


class BillingConfig(AppConfig):
    """See the package."""

    name = "billing"
    verbose_name = "Billing"
