"""Requests add events; what waits in the outbox they can't see."""

from django.conf import settings
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

GRANTS = {"outbox_event": "insert"}


def grant(_apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Let requests use the tables that they need."""
    for table, privileges in GRANTS.items():
        schema_editor.execute(
            f"grant {privileges} on {table} to {settings.DATABASE_API_ROLE}"
        )


def revoke(_apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Take it back."""
    for table in GRANTS:
        schema_editor.execute(
            f"revoke all on {table} from {settings.DATABASE_API_ROLE}"
        )


class Migration(migrations.Migration):
    """Let requests add events, and no more."""

    dependencies = [
        ("outbox", "0006_publish_the_archive_again"),
        ("opencore", "0003_let_requests_run_as_a_role_of_their_own"),
    ]
    operations = [
        migrations.RunPython(grant, revoke),
    ]
