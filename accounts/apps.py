"""accounts as a Django app."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """See the package."""

    name = "accounts"
    verbose_name = "People"

    def ready(self) -> None:
        """Be asked what is known about a person."""
        from accounts.privacy import AccountsData  # noqa: PLC0415 -- apps are loading
        from opencore.privacy import register  # noqa: PLC0415 -- apps are loading

        data = AccountsData()
        register(self.name, exporter=data, eraser=data)
