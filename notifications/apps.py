"""notifications as a Django app."""

from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    """See the package."""

    name = "notifications"
    verbose_name = "Notifications"

    def ready(self) -> None:
        """Be asked what is known about a person."""
        from notifications.privacy import NotificationsData  # noqa: PLC0415 -- apps are loading
        from opencore.privacy import register  # noqa: PLC0415 -- apps are loading

        data = NotificationsData()
        register(self.name, exporter=data, eraser=data)
