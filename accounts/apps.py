"""accounts as a Django app."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """See the package."""

    name = "accounts"
    verbose_name = "People"
