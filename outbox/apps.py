"""The outbox as a Django app."""

from django.apps import AppConfig


class OutboxConfig(AppConfig):
    """Events that are not lost."""

    name = "outbox"
    verbose_name = "Eventing"

    def ready(self) -> None:
        """Let the outbox speak on the page of metrics, and forget people."""
        from opencore.metrics.exposing import (  # noqa: PLC0415 -- apps are loading
            show_on_page,
        )
        from opencore.privacy import register  # noqa: PLC0415 -- apps are loading
        from outbox.metrics.collecting import (  # noqa: PLC0415 -- apps are loading
            OutboxCollector,
        )
        from outbox.privacy import OutboxData  # noqa: PLC0415 -- apps are loading

        register(self.name, exporter=None, eraser=OutboxData())
        show_on_page("outbox", OutboxCollector)
