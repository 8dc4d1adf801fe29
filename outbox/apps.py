"""The outbox as a Django app."""

from django.apps import AppConfig


class OutboxConfig(AppConfig):
    """Events that are not lost."""

    name = "outbox"
    verbose_name = "Eventing"
