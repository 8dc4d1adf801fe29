"""Keys of tokens that operators revoked are recorded."""

import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


class Migration(migrations.Migration):
    """Create the record of revoked keys, to which one can only add."""

    dependencies = [
        ("opencore", "0001_store_idempotency_keys"),
    ]

    operations = [
        migrations.CreateModel(
            name="RevokedKey",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True,
                        primary_key=True,
                        serialize=False,
                        verbose_name="ID",
                    ),
                ),
                ("kid", models.TextField(unique=True)),
                ("revoked_at", models.DateTimeField()),
                ("actor", models.TextField()),
                ("reason", models.TextField()),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("kid__regex", "^[A-Za-z0-9_-]{1,32}$")),
                        name="revoked_key_has_a_possible_name",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("actor", ""), _negated=True),
                            models.Q(("reason", ""), _negated=True),
                        ),
                        name="revoked_key_names_who_and_why",
                    ),
                ],
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="revokedkey",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="\n    RAISE EXCEPTION 'revoked keys are only ever added, not changed by %', TG_OP\n        USING ERRCODE = 'restrict_violation',\n              CONSTRAINT = 'revoked_key_stays_so';\n",
                    hash="7bf110cddfd67f1312a0c3a654cb6a431127d407",
                    level="STATEMENT",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_4b275",
                    table="opencore_revokedkey",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="revokedkey",
            trigger=pgtrigger.compiler.Trigger(
                name="never_emptied",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="\n    RAISE EXCEPTION 'revoked keys are only ever added, not changed by %', TG_OP\n        USING ERRCODE = 'restrict_violation',\n              CONSTRAINT = 'revoked_key_stays_so';\n",
                    hash="0709246d48b290be3396fe4631a5a4a1ff3eaf3e",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_never_emptied_c757c",
                    table="opencore_revokedkey",
                    when="BEFORE",
                ),
            ),
        ),
    ]
