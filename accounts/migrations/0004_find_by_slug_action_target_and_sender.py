"""Organizations are found by slug, entries by action and target, codes by sender."""

import django.db.models.functions.text
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """Index tables that are in use, without keeping anybody from them."""

    atomic = False  # CREATE INDEX CONCURRENTLY can't run in a transaction

    dependencies = [
        ("accounts", "0003_let_people_prove_more_and_organizations_do_more")
    ]

    operations = [
        AddIndexConcurrently(
            model_name="auditentry",
            index=models.Index(
                fields=["organization_id", "action", "seq"],
                name="accounts_audit_of_action",
            ),
        ),
        AddIndexConcurrently(
            model_name="auditentry",
            index=models.Index(
                fields=["target_id", "seq"], name="accounts_audit_of_target"
            ),
        ),
        AddIndexConcurrently(
            model_name="challenge",
            index=models.Index(
                fields=["ip", "created_at"], name="accounts_challenges_by_ip"
            ),
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    "create unique index concurrently accounts_organization_slug_unique"
                    " on accounts_organization (lower(slug))",
                    "drop index concurrently accounts_organization_slug_unique",
                )
            ],
            state_operations=[
                migrations.AddConstraint(
                    model_name="organization",
                    constraint=models.UniqueConstraint(
                        django.db.models.functions.text.Lower("slug"),
                        name="accounts_organization_slug_unique",
                    ),
                )
            ],
        ),
    ]
