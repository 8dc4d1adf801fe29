"""Ended sessions are found by when they ended, without reading the others."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """Let those be found whose access tokens may still be shown."""

    atomic = False  # CREATE INDEX CONCURRENTLY can't run in a transaction

    dependencies = [("accounts", "0001_create_people_and_organizations")]

    operations = [
        AddIndexConcurrently(
            model_name="session",
            index=models.Index(
                fields=["revoked_at"],
                condition=models.Q(("revoked_at__isnull", False)),
                name="accounts_sessions_revoked",
            ),
        )
    ]
