"""accounts as a Django app."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """See the package."""

    name = "accounts"
    verbose_name = "People"

    def ready(self) -> None:
        """Be asked what is known about a person, and how the record's sealing does."""
        from accounts.metrics.collecting import (  # noqa: PLC0415 -- apps are loading
            AccountsCollector,
        )
        from accounts.privacy import AccountsData  # noqa: PLC0415 -- apps are loading
        from opencore.metrics.exposing import (  # noqa: PLC0415 -- apps are loading
            show_on_page,
        )
        from opencore.privacy import register  # noqa: PLC0415 -- apps are loading

        data = AccountsData()
        register(self.name, exporter=data, eraser=data)
        show_on_page("accounts", AccountsCollector)
