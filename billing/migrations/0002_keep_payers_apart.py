"""PostgreSQL itself shows a request only the books of who may see them."""

from django.conf import settings
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

GRANTS = {
    "billing_customer": "select, insert, update",
    "billing_orgmember": "select",
    "billing_payment": "select, insert, update",
    "billing_subscription": "select, insert, update",
}
APART = """
alter table billing_customer enable row level security;
alter table billing_orgmember enable row level security;
alter table billing_payment enable row level security;
alter table billing_subscription enable row level security;

create policy of_person on billing_orgmember for select using (user_id = opencore_user());
create policy of_person on billing_customer using (user_id = opencore_user());
create policy of_organization on billing_customer using (
    org_id in (select m.org_id from billing_orgmember m where m.user_id = opencore_user())
);
create policy of_customer on billing_payment using (
    exists (select from billing_customer c where c.id = customer_id)
);
create policy of_customer on billing_subscription using (
    exists (select from billing_customer c where c.id = customer_id)
);
"""
TOGETHER = """
drop policy of_customer on billing_subscription;
drop policy of_customer on billing_payment;
drop policy of_organization on billing_customer;
drop policy of_person on billing_customer;
drop policy of_person on billing_orgmember;

alter table billing_subscription disable row level security;
alter table billing_payment disable row level security;
alter table billing_orgmember disable row level security;
alter table billing_customer disable row level security;
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
    """Let row-level security keep payers apart."""

    dependencies = [
        ("billing", "0001_open_the_books"),
        ("opencore", "0003_let_requests_run_as_a_role_of_their_own"),
    ]
    operations = [
        migrations.RunPython(grant, revoke),
        migrations.RunSQL(APART, TOGETHER),
    ]
