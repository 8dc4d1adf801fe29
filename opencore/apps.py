"""The project's own app, and the admin site as an app."""

from django.apps import AppConfig
from django.contrib import admin
from django.contrib.admin.apps import AdminConfig


class OpenCoreConfig(AppConfig):
    """What all apps share and that needs tables or checks."""

    name = "opencore"
    verbose_name = "OpenCore"

    def ready(self) -> None:
        """Register the checks of a deployment, and what its processes counted."""
        from opencore import (  # noqa: PLC0415 -- apps are loading
            checks,  # noqa: F401 -- importing registers
        )
        from opencore.idempotency import (  # noqa: PLC0415 -- apps are loading
            KeptAnswers,
        )
        from opencore.metrics.exposing import (  # noqa: PLC0415 -- apps are loading
            show_on_page,
        )
        from opencore.metrics.processes import (  # noqa: PLC0415 -- apps are loading
            counted_together,
        )
        from opencore.privacy import register  # noqa: PLC0415 -- apps are loading

        register(self.name, exporter=None, eraser=KeptAnswers())
        show_on_page("processes", counted_together)


class OpenCoreAdminConfig(AdminConfig):
    """The admin site of operators."""

    default_site = "opencore.admin.OpenCoreAdminSite"

    def ready(self) -> None:
        """Find the apps' pages, and leave out groups: roles decide here."""
        super().ready()
        from django.contrib.auth.models import Group  # noqa: PLC0415 -- apps are loading

        admin.site.unregister(Group)
