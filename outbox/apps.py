"""The outbox as a Django app."""

from django.apps import AppConfig


class OutboxConfig(AppConfig):
    """Events that are not lost."""

    name = "outbox"
    verbose_name = "Eventing"

    def ready(self) -> None:
        """Let the outbox speak on the page of metrics."""
        from opencore.metrics.exposing import (  # noqa: PLC0415 -- apps are loading
            show_on_page,
        )
        from outbox.metrics.collecting import (  # noqa: PLC0415 -- apps are loading
            OutboxCollector,
        )

        show_on_page("outbox", OutboxCollector)
