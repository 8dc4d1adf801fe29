"""The project's own app, and the admin site as an app."""

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class OpenCoreConfig(AppConfig):
    """What all apps share and that needs tables or checks."""

    name = "opencore"
    verbose_name = "OpenCore"


class OpenCoreAdminConfig(AdminConfig):
    """The admin site of operators."""

    default_site = "opencore.admin.OpenCoreAdminSite"
