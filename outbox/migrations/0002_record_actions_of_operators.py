"""What operators decide about keys, topics and events is recorded."""

import django.db.models.functions.datetime
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models

import opencore.ids


class Migration(migrations.Migration):
    """Create the record of operators' actions, to which one can only add."""

    dependencies = [
        ("outbox", "0001_create_tables"),
    ]

    operations = [
        migrations.CreateModel(
            name="OperatorAction",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=opencore.ids.uuid7, primary_key=True, serialize=False
                    ),
                ),
                (
                    "at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now()
                    ),
                ),
                ("action", models.TextField()),
                ("actor", models.TextField()),
                ("reason", models.TextField()),
                ("scope", models.TextField(blank=True, default="")),
                ("topic", models.TextField()),
                ("key", models.TextField(blank=True, default="")),
                ("event_id", models.UUIDField(null=True)),
                ("request_id", models.TextField(null=True)),
            ],
            options={
                "db_table": "outbox_operator_action",
                "indexes": [
                    models.Index(
                        fields=["topic", "key", "at"], name="outbox_actions_by_key"
                    )
                ],
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="operatoraction",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="\n    RAISE EXCEPTION 'actions of operators are only ever added, not changed by %', TG_OP\n        USING ERRCODE = 'restrict_violation',\n              CONSTRAINT = 'outbox_actions_are_append_only';\n",
                    hash="ad0cd119054ff00210fa4728f3cddbb586e7bbe3",
                    level="STATEMENT",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_afa4d",
                    table="outbox_operator_action",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="operatoraction",
            trigger=pgtrigger.compiler.Trigger(
                name="never_emptied",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="\n    RAISE EXCEPTION 'actions of operators are only ever added, not changed by %', TG_OP\n        USING ERRCODE = 'restrict_violation',\n              CONSTRAINT = 'outbox_actions_are_append_only';\n",
                    hash="f743a39af0e5d6915abb4dd0e69a70b054dfaea5",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_never_emptied_5b0ff",
                    table="outbox_operator_action",
                    when="BEFORE",
                ),
            ),
        ),
    ]
