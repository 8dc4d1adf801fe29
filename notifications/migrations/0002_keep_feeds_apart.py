"""PostgreSQL itself shows a request only the feed of who asks."""

from django.conf import settings
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

GRANTS = {
    "notifications_recipient": "select",
    "notifications_notification": "select, update",
}
APART = """
alter table notifications_recipient enable row level security;
alter table notifications_notification enable row level security;

create policy of_person on notifications_recipient using (user_id = opencore_user());
create policy of_person on notifications_notification using (user_id = opencore_user());
"""
TOGETHER = """
drop policy of_person on notifications_notification;
drop policy of_person on notifications_recipient;

alter table notifications_notification disable row level security;
alter table notifications_recipient disable row level security;
"""


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
    """Let row-level security keep feeds apart."""

    dependencies = [
        ("notifications", "0001_tell_people"),
        ("opencore", "0003_let_requests_run_as_a_role_of_their_own"),
    ]
    operations = [
        migrations.RunPython(grant, revoke),
        migrations.RunSQL(APART, TOGETHER),
    ]
