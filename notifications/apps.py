"""notifications as a Django app."""

from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    """See the package."""

    name = "notifications"
    verbose_name = "Notifications"
