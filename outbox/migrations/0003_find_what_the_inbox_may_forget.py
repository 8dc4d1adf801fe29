"""The inbox forgets by age without being read whole."""

from django.contrib.postgres.indexes import BrinIndex
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations


class Migration(migrations.Migration):
    """Let what is old enough to be forgotten be found."""

    atomic = False  # CREATE INDEX CONCURRENTLY can't run in a transaction

    dependencies = [("outbox", "0002_record_actions_of_operators")]

    operations = [
        AddIndexConcurrently(
            model_name="inboxentry",
            index=BrinIndex(fields=("handled_at",), name="outbox_inbox_by_age"),
        )
    ]
