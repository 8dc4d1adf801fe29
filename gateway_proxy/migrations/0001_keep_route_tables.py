"""The first tables of the gateway."""

import django.db.models.deletion
import django.db.models.functions.datetime
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


class Migration(migrations.Migration):
    """Keep what operators change of the route table, and every version of it."""

    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Plan",
            fields=[
                ("name", models.TextField(primary_key=True, serialize=False)),
            ],
            options={
                "db_table": "gateway_plan",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("name__regex", "^[a-z0-9][a-z0-9_-]{0,62}$")
                        ),
                        name="gateway_plan_has_a_name",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="PlanAssignment",
            fields=[
                ("subject_id", models.UUIDField(primary_key=True, serialize=False)),
                (
                    "plan",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="assignments",
                        to="gateway_proxy.plan",
                    ),
                ),
            ],
            options={
                "db_table": "gateway_plan_assignment",
            },
        ),
        migrations.CreateModel(
            name="Route",
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
                ("prefix", models.TextField(unique=True)),
                ("enabled", models.BooleanField(null=True)),
                ("upstreams", models.JSONField(null=True)),
                ("public", models.JSONField(null=True)),
                ("audience", models.TextField(null=True)),
                ("cost", models.IntegerField(null=True)),
                (
                    "when_down",
                    models.TextField(
                        choices=[
                            ("local", "each process for itself"),
                            ("open", "nobody: all pass"),
                            ("closed", "nobody: none passes"),
                        ],
                        null=True,
                    ),
                ),
                ("body_limit", models.BigIntegerField(null=True)),
                ("connect_timeout", models.FloatField(null=True)),
                ("head_timeout", models.FloatField(null=True)),
                ("whole_timeout", models.FloatField(null=True)),
                (
                    "identity",
                    models.TextField(
                        choices=[
                            ("headers", "by headers"),
                            ("token", "by a short-lived token"),
                        ],
                        null=True,
                    ),
                ),
            ],
            options={
                "verbose_name": "changed route",
                "db_table": "gateway_route",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("prefix__regex", "^(/[a-z0-9_~-][a-z0-9._~-]*)+$")
                        ),
                        name="gateway_prefix_is_whole_segments",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("cost__gte", 1)),
                        name="gateway_route_costs_something",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("body_limit__range", (0, 1073741824))),
                        name="gateway_body_limit_is_possible",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("when_down__in", ("local", "open", "closed"))
                        ),
                        name="gateway_route_knows_what_without_redis",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("identity__in", ("headers", "token"))),
                        name="gateway_route_knows_how_to_identify",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("connect_timeout__gt", 0),
                            ("head_timeout__gt", 0),
                            ("whole_timeout__gt", 0),
                        ),
                        name="gateway_timeouts_are_positive",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Limit",
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
                (
                    "name",
                    models.TextField(
                        choices=[
                            ("address", "an address, without a token"),
                            ("network", "an address, with or without a token"),
                            ("user", "a user"),
                            ("org", "an organization"),
                            ("route", "all of a route"),
                        ]
                    ),
                ),
                ("rate", models.FloatField(null=True)),
                ("burst", models.IntegerField(null=True)),
                ("shadow", models.BooleanField(null=True)),
                (
                    "plan",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="limits",
                        to="gateway_proxy.plan",
                    ),
                ),
                (
                    "route",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="limits",
                        to="gateway_proxy.route",
                    ),
                ),
            ],
            options={
                "verbose_name": "changed limit",
                "db_table": "gateway_limit",
            },
        ),
        migrations.CreateModel(
            name="TableVersion",
            fields=[
                ("version", models.BigIntegerField(primary_key=True, serialize=False)),
                ("changes", models.JSONField()),
                (
                    "published_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now()
                    ),
                ),
                ("actor", models.TextField()),
                ("reason", models.TextField()),
                ("restores", models.BigIntegerField(null=True)),
                ("request_id", models.TextField(null=True)),
            ],
            options={
                "verbose_name": "version of the route table",
                "verbose_name_plural": "versions of the route table",
                "db_table": "gateway_table_version",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("version__gte", 1)),
                        name="gateway_versions_begin_at_one",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("actor", ""), _negated=True),
                            models.Q(("reason", ""), _negated=True),
                        ),
                        name="gateway_version_has_an_actor_and_a_reason",
                    ),
                ],
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="tableversion",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="\n    RAISE EXCEPTION 'versions of the route table are only ever added, not changed by %', TG_OP\n        USING ERRCODE = 'restrict_violation',\n              CONSTRAINT = 'gateway_versions_are_append_only';\n",
                    hash="6d8a62f5b4568f5efdb4d648fd5a5612beeb6160",
                    level="STATEMENT",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_8e4d6",
                    table="gateway_table_version",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="tableversion",
            trigger=pgtrigger.compiler.Trigger(
                name="never_emptied",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="\n    RAISE EXCEPTION 'versions of the route table are only ever added, not changed by %', TG_OP\n        USING ERRCODE = 'restrict_violation',\n              CONSTRAINT = 'gateway_versions_are_append_only';\n",
                    hash="ccbfb5e8f943527a8b30ee75153d30f9090cf60e",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_never_emptied_197d7",
                    table="gateway_table_version",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="limit",
            constraint=models.UniqueConstraint(
                fields=("route", "plan", "name"),
                name="gateway_one_limit_of_a_name",
                nulls_distinct=False,
            ),
        ),
        migrations.AddConstraint(
            model_name="limit",
            constraint=models.CheckConstraint(
                condition=models.Q(("route", None), ("plan", None), _connector="OR"),
                name="gateway_limit_has_one_owner",
            ),
        ),
        migrations.AddConstraint(
            model_name="limit",
            constraint=models.CheckConstraint(
                condition=models.Q(("rate__gt", 0), ("burst__gte", 1)),
                name="gateway_limit_lets_something_through",
            ),
        ),
        migrations.AddConstraint(
            model_name="limit",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("name__in", ("address", "network")), ("plan", None)),
                    ("name__in", ("user", "org")),
                    models.Q(("name", "route"), ("route__isnull", False)),
                    _connector="OR",
                ),
                name="gateway_limit_fits_its_owner",
            ),
        ),
        migrations.AddConstraint(
            model_name="limit",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("plan", None), ("route", None)),
                    models.Q(("burst__isnull", False), ("rate__isnull", False)),
                    _connector="OR",
                ),
                name="gateway_limit_of_its_own_has_numbers",
            ),
        ),
    ]
