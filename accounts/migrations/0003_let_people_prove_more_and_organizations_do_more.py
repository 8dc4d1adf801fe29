"""People prove more, organizations do more, and the record can be proved."""

import django.contrib.postgres.fields
import django.contrib.postgres.functions
import django.db.models.deletion
import django.db.models.functions.comparison
import django.db.models.functions.datetime
import django.db.models.functions.text
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models

import opencore.ids


class Migration(migrations.Migration):
    """Make room for factors, roles, invitations, keys, seals and requests."""

    dependencies = [
        ("accounts", "0002_find_what_was_revoked_lately"),
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations = [
        migrations.CreateModel(
            name="AddressLock",
            fields=[
                ("address", models.BinaryField(primary_key=True, serialize=False)),
                ("failures", models.IntegerField(default=0)),
                ("counted_since", models.DateTimeField()),
                ("locks", models.SmallIntegerField(default=0)),
                ("locked_until", models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="ApiKey",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=opencore.ids.uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("name", models.TextField()),
                ("prefix", models.TextField(unique=True)),
                ("secret_hmac", models.BinaryField()),
                (
                    "scopes",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.TextField(), size=None
                    ),
                ),
                (
                    "networks",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.TextField(),
                        db_default=[],
                        default=list,
                        size=None,
                    ),
                ),
                ("created_by", models.UUIDField()),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now()
                    ),
                ),
                ("expires_at", models.DateTimeField(null=True)),
                ("last_used_at", models.DateTimeField(null=True)),
                ("revoked_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="AuditAnchor",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=opencore.ids.uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("chain_id", models.UUIDField()),
                ("number", models.BigIntegerField()),
                ("hash", models.BinaryField()),
                ("event_id", models.UUIDField(unique=True)),
                ("topic", models.TextField()),
                ("partition", models.IntegerField()),
                ("offset", models.BigIntegerField()),
                (
                    "anchored_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now()
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="AuditExport",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=opencore.ids.uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("organization_id", models.UUIDField()),
                ("requested_by", models.UUIDField()),
                (
                    "format",
                    models.TextField(choices=[("ndjson", "Ndjson"), ("csv", "Csv")]),
                ),
                ("filters", models.JSONField(default=dict)),
                (
                    "status",
                    models.TextField(
                        choices=[
                            ("pending", "Pending"),
                            ("running", "Running"),
                            ("done", "Done"),
                            ("failed", "Failed"),
                        ],
                        db_default="pending",
                        default="pending",
                    ),
                ),
                ("rows", models.BigIntegerField(null=True)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now()
                    ),
                ),
                ("finished_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="AuditPersonal",
            fields=[
                (
                    "entry",
                    models.OneToOneField(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        primary_key=True,
                        related_name="personal",
                        serialize=False,
                        to="accounts.auditentry",
                    ),
                ),
                ("organization_id", models.UUIDField(null=True)),
                ("person_id", models.UUIDField(null=True)),
                ("salt", models.BinaryField()),
                ("data", models.JSONField()),
            ],
            options={
                "verbose_name": "personal part of an audit entry",
                "verbose_name_plural": "personal parts of audit entries",
            },
        ),
        migrations.CreateModel(
            name="AuditSeal",
            fields=[
                (
                    "entry",
                    models.OneToOneField(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        primary_key=True,
                        related_name="seal",
                        serialize=False,
                        to="accounts.auditentry",
                    ),
                ),
                ("chain_id", models.UUIDField()),
                ("number", models.BigIntegerField()),
                ("previous_hash", models.BinaryField()),
                ("hash", models.BinaryField()),
                (
                    "sealed_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now()
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Authenticator",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=opencore.ids.uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("kind", models.TextField(choices=[("totp", "Totp")], default="totp")),
                ("name", models.TextField(blank=True)),
                ("sealed_secret", models.TextField()),
                ("last_counter", models.BigIntegerField(null=True)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now()
                    ),
                ),
                ("confirmed_at", models.DateTimeField(null=True)),
                ("last_used_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="DataRequest",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=opencore.ids.uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "kind",
                    models.TextField(
                        choices=[("export", "Export"), ("erasure", "Erasure")]
                    ),
                ),
                (
                    "status",
                    models.TextField(
                        choices=[
                            ("pending", "Pending"),
                            ("running", "Running"),
                            ("done", "Done"),
                            ("cancelled", "Cancelled"),
                            ("failed", "Failed"),
                        ],
                        db_default="pending",
                        default="pending",
                    ),
                ),
                ("requested_by", models.UUIDField()),
                ("reason", models.TextField(blank=True, db_default="", default="")),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now()
                    ),
                ),
                ("not_before", models.DateTimeField()),
                ("due_at", models.DateTimeField()),
                ("finished_at", models.DateTimeField(null=True)),
                ("report", models.JSONField(db_default={}, default=dict)),
            ],
        ),
        migrations.CreateModel(
            name="File",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=opencore.ids.uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("organization_id", models.UUIDField(null=True)),
                ("user_id", models.UUIDField(null=True)),
                ("name", models.TextField()),
                ("media_type", models.TextField()),
                ("size", models.BigIntegerField()),
                ("sha256", models.BinaryField()),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now()
                    ),
                ),
                ("expires_at", models.DateTimeField(db_index=True)),
            ],
        ),
        migrations.CreateModel(
            name="FilePart",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("number", models.IntegerField()),
                ("content", models.BinaryField()),
            ],
        ),
        migrations.CreateModel(
            name="Impersonation",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=opencore.ids.uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("reason", models.TextField()),
                ("read_only", models.BooleanField(default=True)),
                ("started_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="Invitation",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=opencore.ids.uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("email", models.EmailField(max_length=254)),
                (
                    "role",
                    models.TextField(
                        choices=[
                            ("owner", "Owner"),
                            ("admin", "Admin"),
                            ("billing", "Billing"),
                            ("developer", "Developer"),
                            ("member", "Member"),
                            ("viewer", "Viewer"),
                        ]
                    ),
                ),
                ("token_hmac", models.BinaryField(unique=True)),
                ("invited_by", models.UUIDField()),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now()
                    ),
                ),
                ("sent_at", models.DateTimeField()),
                ("sent_count", models.SmallIntegerField(default=1)),
                ("expires_at", models.DateTimeField()),
                ("accepted_at", models.DateTimeField(null=True)),
                ("accepted_by", models.UUIDField(null=True)),
                ("revoked_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="OwnershipTransfer",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=opencore.ids.uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now()
                    ),
                ),
                ("expires_at", models.DateTimeField()),
                ("accepted_at", models.DateTimeField(null=True)),
                ("cancelled_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="RecoveryCode",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=opencore.ids.uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("prefix", models.TextField()),
                ("code_hash", models.TextField()),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now()
                    ),
                ),
                ("used_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="ServiceAccount",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=opencore.ids.uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("name", models.TextField()),
                (
                    "role",
                    models.TextField(
                        choices=[
                            ("owner", "Owner"),
                            ("admin", "Admin"),
                            ("billing", "Billing"),
                            ("developer", "Developer"),
                            ("member", "Member"),
                            ("viewer", "Viewer"),
                        ]
                    ),
                ),
                ("created_by", models.UUIDField()),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now()
                    ),
                ),
                ("disabled_at", models.DateTimeField(null=True)),
                ("version", models.IntegerField(db_default=1, default=1)),
            ],
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="membership",
            name="organization_has_owner",
        ),
        migrations.RemoveConstraint(
            model_name="membership",
            name="accounts_member_role_is_known",
        ),
        migrations.RemoveConstraint(
            model_name="user",
            name="accounts_user_role_is_known",
        ),
        migrations.RemoveConstraint(
            model_name="user",
            name="accounts_only_operators_are_staff",
        ),
        migrations.AddField(
            model_name="auditentry",
            name="actor_kind",
            field=models.TextField(
                choices=[
                    ("user", "User"),
                    ("service_account", "Service Account"),
                    ("staff", "Staff"),
                    ("system", "System"),
                ],
                db_default="user",
                default="user",
            ),
        ),
        migrations.AddField(
            model_name="auditentry",
            name="api_key_id",
            field=models.UUIDField(null=True),
        ),
        migrations.AddField(
            model_name="auditentry",
            name="on_behalf_of",
            field=models.UUIDField(null=True),
        ),
        migrations.AddField(
            model_name="auditentry",
            name="outcome",
            field=models.TextField(
                choices=[("done", "Done"), ("refused", "Refused")],
                db_default="done",
                default="done",
            ),
        ),
        migrations.AddField(
            model_name="auditentry",
            name="personal_digest",
            field=models.BinaryField(null=True),
        ),
        migrations.AddField(
            model_name="auditentry",
            name="justification",
            field=models.TextField(blank=True, db_default="", default=""),
        ),
        migrations.AddField(
            model_name="auditentry",
            name="session_id",
            field=models.UUIDField(null=True),
        ),
        migrations.AddField(
            model_name="challenge",
            name="user",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="membership",
            name="invited_by",
            field=models.UUIDField(null=True),
        ),
        migrations.AddField(
            model_name="membership",
            name="status",
            field=models.TextField(
                choices=[("active", "Active"), ("suspended", "Suspended")],
                db_default="active",
                default="active",
            ),
        ),
        migrations.AddField(
            model_name="membership",
            name="version",
            field=models.IntegerField(db_default=1, default=1),
        ),
        migrations.AddField(
            model_name="organization",
            name="settings",
            field=models.JSONField(db_default={}, default=dict),
        ),
        migrations.AddField(
            model_name="organization",
            name="slug",
            field=models.TextField(
                db_default=django.db.models.functions.comparison.Cast(
                    django.contrib.postgres.functions.RandomUUID(), models.TextField()
                )
            ),
        ),
        migrations.AddField(
            model_name="organization",
            name="status",
            field=models.TextField(
                choices=[
                    ("active", "Active"),
                    ("suspended", "Suspended"),
                    ("deleted", "Deleted"),
                ],
                db_default="active",
                default="active",
            ),
        ),
        migrations.AddField(
            model_name="organization",
            name="updated_at",
            field=models.DateTimeField(
                db_default=django.db.models.functions.datetime.Now()
            ),
        ),
        migrations.AddField(
            model_name="organization",
            name="version",
            field=models.IntegerField(db_default=1, default=1),
        ),
        migrations.AddField(
            model_name="session",
            name="assurance",
            field=models.SmallIntegerField(db_default=1, default=1),
        ),
        migrations.AddField(
            model_name="session",
            name="authenticated_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="session",
            name="device_label",
            field=models.TextField(blank=True, db_default="", default=""),
        ),
        migrations.AddField(
            model_name="session",
            name="impersonator",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="session",
            name="last_seen_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="session",
            name="methods",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.TextField(), db_default=[], default=list, size=None
            ),
        ),
        migrations.AddField(
            model_name="session",
            name="organization_id",
            field=models.UUIDField(null=True),
        ),
        migrations.AddField(
            model_name="user",
            name="email_verified_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="user",
            name="erased_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="user",
            name="locale",
            field=models.TextField(db_default="en", default="en"),
        ),
        migrations.AddField(
            model_name="user",
            name="time_zone",
            field=models.TextField(db_default="UTC", default="UTC"),
        ),
        migrations.AddField(
            model_name="user",
            name="version",
            field=models.IntegerField(db_default=1, default=1),
        ),
        migrations.AlterField(
            model_name="challenge",
            name="purpose",
            field=models.TextField(
                choices=[
                    ("login", "Login"),
                    ("email_change", "Email Change"),
                    ("step_up", "Step Up"),
                    ("admin_login", "Admin Login"),
                ]
            ),
        ),
        migrations.AlterField(
            model_name="membership",
            name="role",
            field=models.TextField(
                choices=[
                    ("owner", "Owner"),
                    ("admin", "Admin"),
                    ("billing", "Billing"),
                    ("developer", "Developer"),
                    ("member", "Member"),
                    ("viewer", "Viewer"),
                ]
            ),
        ),
        migrations.AlterField(
            model_name="session",
            name="revoke_reason",
            field=models.TextField(
                blank=True,
                choices=[
                    ("logout", "Logout"),
                    ("refresh_reused", "Refresh Reused"),
                    ("operator", "Operator"),
                    ("role_changed", "Role Changed"),
                    ("deactivated", "Deactivated"),
                    ("user", "User"),
                    ("email_changed", "Email Changed"),
                    ("factors_changed", "Factors Changed"),
                    ("impersonation_ended", "Impersonation Ended"),
                    ("erased", "Erased"),
                ],
            ),
        ),
        migrations.AlterField(
            model_name="user",
            name="role",
            field=models.TextField(
                choices=[
                    ("user", "User"),
                    ("support", "Support"),
                    ("operator", "Operator"),
                ],
                default="user",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="membership",
            trigger=pgtrigger.compiler.Trigger(
                name="organization_has_owner",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.\"role\" = 'owner')",
                    constraint="CONSTRAINT",
                    func="\n                PERFORM FROM accounts_organization\n                    WHERE id = OLD.organization_id FOR NO KEY UPDATE;\n                IF FOUND AND NOT EXISTS (\n                    SELECT FROM accounts_membership\n                    WHERE organization_id = OLD.organization_id\n                        AND role = 'owner' AND status = 'active'\n                ) THEN\n                    RAISE EXCEPTION 'organization % has no owner', OLD.organization_id\n                        USING ERRCODE = 'check_violation',\n                              CONSTRAINT = 'accounts_organization_has_owner';\n                END IF;\n                RETURN NULL;\n                ",
                    hash="be62980dcc4cb6960d9e8b82ec88d3d7975d633d",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_organization_has_owner_b57b0",
                    table="accounts_membership",
                    timing="DEFERRABLE INITIALLY DEFERRED",
                    when="AFTER",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="membership",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "role__in",
                        ("owner", "admin", "billing", "developer", "member", "viewer"),
                    )
                ),
                name="accounts_member_role_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="membership",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", ("active", "suspended"))),
                name="accounts_member_status_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="organization",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", ("active", "suspended", "deleted"))),
                name="accounts_organization_status_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="user",
            constraint=models.CheckConstraint(
                condition=models.Q(("role__in", ("user", "support", "operator"))),
                name="accounts_user_role_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="user",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("role", "operator"),
                    models.Q(("is_superuser", False), ("role", "support")),
                    models.Q(("is_staff", False), ("is_superuser", False)),
                    _connector="OR",
                ),
                name="accounts_only_operators_are_staff",
            ),
        ),
        migrations.AddIndex(
            model_name="addresslock",
            index=models.Index(fields=["counted_since"], name="accounts_locks_by_age"),
        ),
        migrations.AddField(
            model_name="apikey",
            name="organization",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="api_keys",
                to="accounts.organization",
            ),
        ),
        migrations.AddField(
            model_name="apikey",
            name="rotated_from",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="accounts.apikey",
            ),
        ),
        migrations.AddField(
            model_name="apikey",
            name="user",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="api_keys",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddIndex(
            model_name="auditanchor",
            index=models.Index(
                fields=["chain_id", "number"], name="accounts_anchors_of_chain"
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="auditanchor",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="\n    RAISE EXCEPTION 'audit anchors are only ever added, not changed by %', TG_OP\n        USING ERRCODE = 'restrict_violation',\n              CONSTRAINT = 'accounts_anchors_append_only';\n",
                    hash="8707fb92dd8e9515e89c35b4d1b095e50c059310",
                    level="STATEMENT",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_42ae6",
                    table="accounts_auditanchor",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="auditanchor",
            trigger=pgtrigger.compiler.Trigger(
                name="never_emptied",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="\n    RAISE EXCEPTION 'audit anchors are only ever added, not changed by %', TG_OP\n        USING ERRCODE = 'restrict_violation',\n              CONSTRAINT = 'accounts_anchors_append_only';\n",
                    hash="9fa8b3cdeccef36dc78c4eb5d4376358fc6f4477",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_never_emptied_735e6",
                    table="accounts_auditanchor",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddIndex(
            model_name="auditpersonal",
            index=models.Index(fields=["person_id"], name="accounts_audit_of_person"),
        ),
        migrations.AddConstraint(
            model_name="auditseal",
            constraint=models.UniqueConstraint(
                fields=("chain_id", "number"), name="accounts_seal_once_per_number"
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="auditseal",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="\n    RAISE EXCEPTION 'audit seals are only ever added, not changed by %', TG_OP\n        USING ERRCODE = 'restrict_violation',\n              CONSTRAINT = 'accounts_seals_append_only';\n",
                    hash="5bd457d82e2ba427c5ee9c475cf9e5b83b3ce968",
                    level="STATEMENT",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_ed234",
                    table="accounts_auditseal",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="auditseal",
            trigger=pgtrigger.compiler.Trigger(
                name="never_emptied",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="\n    RAISE EXCEPTION 'audit seals are only ever added, not changed by %', TG_OP\n        USING ERRCODE = 'restrict_violation',\n              CONSTRAINT = 'accounts_seals_append_only';\n",
                    hash="e049efff18c66aa93516293f2e0f220179b93313",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_never_emptied_9a2c4",
                    table="accounts_auditseal",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddField(
            model_name="authenticator",
            name="user",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="authenticators",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="datarequest",
            name="user",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="data_requests",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddConstraint(
            model_name="file",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("organization_id", None), ("user_id__isnull", False)),
                    models.Q(("organization_id__isnull", False), ("user_id", None)),
                    _connector="OR",
                ),
                name="accounts_file_is_somebodys",
            ),
        ),
        migrations.AddField(
            model_name="datarequest",
            name="file",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="accounts.file",
            ),
        ),
        migrations.AddField(
            model_name="auditexport",
            name="file",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="accounts.file",
            ),
        ),
        migrations.AddField(
            model_name="filepart",
            name="file",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="parts",
                to="accounts.file",
            ),
        ),
        migrations.AddField(
            model_name="impersonation",
            name="impersonator",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="impersonation",
            name="session",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="impersonation",
                to="accounts.session",
            ),
        ),
        migrations.AddField(
            model_name="impersonation",
            name="user",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="invitation",
            name="organization",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="invitations",
                to="accounts.organization",
            ),
        ),
        migrations.AddField(
            model_name="ownershiptransfer",
            name="from_user",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="ownershiptransfer",
            name="organization",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="transfers",
                to="accounts.organization",
            ),
        ),
        migrations.AddField(
            model_name="ownershiptransfer",
            name="to_user",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="recoverycode",
            name="user",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="recovery_codes",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="serviceaccount",
            name="organization",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="service_accounts",
                to="accounts.organization",
            ),
        ),
        migrations.AddField(
            model_name="apikey",
            name="service_account",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="api_keys",
                to="accounts.serviceaccount",
            ),
        ),
        migrations.AddIndex(
            model_name="authenticator",
            index=models.Index(
                fields=["user", "created_at"], name="accounts_factors_of_user"
            ),
        ),
        migrations.AddConstraint(
            model_name="authenticator",
            constraint=models.UniqueConstraint(
                condition=models.Q(("confirmed_at__isnull", False), ("kind", "totp")),
                fields=("user",),
                name="accounts_one_totp_per_user",
            ),
        ),
        migrations.AddIndex(
            model_name="datarequest",
            index=models.Index(
                fields=["user", "created_at", "id"], name="accounts_requests_of_user"
            ),
        ),
        migrations.AddIndex(
            model_name="datarequest",
            index=models.Index(
                condition=models.Q(("status__in", ("pending", "running"))),
                fields=["not_before"],
                name="accounts_requests_due",
            ),
        ),
        migrations.AddConstraint(
            model_name="datarequest",
            constraint=models.UniqueConstraint(
                condition=models.Q(("status__in", ("pending", "running"))),
                fields=("user", "kind"),
                name="accounts_one_open_request_per_kind",
            ),
        ),
        migrations.AddIndex(
            model_name="auditexport",
            index=models.Index(
                fields=["organization_id", "created_at", "id"],
                name="accounts_exports_of_org",
            ),
        ),
        migrations.AddIndex(
            model_name="auditexport",
            index=models.Index(
                condition=models.Q(("status__in", ("pending", "running"))),
                fields=["created_at"],
                name="accounts_exports_due",
            ),
        ),
        migrations.AddConstraint(
            model_name="filepart",
            constraint=models.UniqueConstraint(
                fields=("file", "number"), name="accounts_file_part_once"
            ),
        ),
        migrations.AddIndex(
            model_name="impersonation",
            index=models.Index(
                fields=["user", "started_at"], name="accounts_impersonated_users"
            ),
        ),
        migrations.AddConstraint(
            model_name="impersonation",
            constraint=models.CheckConstraint(
                condition=models.Q(("reason", ""), _negated=True),
                name="accounts_impersonation_has_reason",
            ),
        ),
        migrations.AddConstraint(
            model_name="impersonation",
            constraint=models.CheckConstraint(
                condition=models.Q(("user", models.F("impersonator")), _negated=True),
                name="accounts_impersonates_another",
            ),
        ),
        migrations.AddIndex(
            model_name="invitation",
            index=models.Index(
                fields=["organization", "created_at", "id"],
                name="accounts_invitations_of_org",
            ),
        ),
        migrations.AddIndex(
            model_name="invitation",
            index=models.Index(
                django.db.models.functions.text.Lower("email"),
                models.F("created_at"),
                name="accounts_invitations_to_email",
            ),
        ),
        migrations.AddConstraint(
            model_name="invitation",
            constraint=models.UniqueConstraint(
                models.F("organization"),
                django.db.models.functions.text.Lower("email"),
                condition=models.Q(("accepted_at", None), ("revoked_at", None)),
                name="accounts_one_open_invitation",
            ),
        ),
        migrations.AddConstraint(
            model_name="invitation",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("accepted_at", None), ("revoked_at", None), _connector="OR"
                ),
                name="accounts_invitation_ends_one_way",
            ),
        ),
        migrations.AddIndex(
            model_name="ownershiptransfer",
            index=models.Index(
                fields=["organization", "created_at", "id"],
                name="accounts_transfers_of_org",
            ),
        ),
        migrations.AddConstraint(
            model_name="ownershiptransfer",
            constraint=models.UniqueConstraint(
                condition=models.Q(("accepted_at", None), ("cancelled_at", None)),
                fields=("organization",),
                name="accounts_one_open_transfer",
            ),
        ),
        migrations.AddConstraint(
            model_name="ownershiptransfer",
            constraint=models.CheckConstraint(
                condition=models.Q(("from_user", models.F("to_user")), _negated=True),
                name="accounts_transfer_to_another",
            ),
        ),
        migrations.AddConstraint(
            model_name="recoverycode",
            constraint=models.UniqueConstraint(
                fields=("user", "prefix"), name="accounts_recovery_prefix_once"
            ),
        ),
        migrations.AddIndex(
            model_name="serviceaccount",
            index=models.Index(
                fields=["organization", "created_at", "id"],
                name="accounts_programs_of_org",
            ),
        ),
        migrations.AddConstraint(
            model_name="serviceaccount",
            constraint=models.UniqueConstraint(
                models.F("organization"),
                django.db.models.functions.text.Lower("name"),
                name="accounts_service_account_name_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="serviceaccount",
            constraint=models.CheckConstraint(
                condition=models.Q(("role", "owner"), _negated=True),
                name="accounts_service_account_no_owner",
            ),
        ),
        migrations.AddIndex(
            model_name="apikey",
            index=models.Index(
                fields=["organization", "created_at", "id"], name="accounts_keys_of_org"
            ),
        ),
        migrations.AddIndex(
            model_name="apikey",
            index=models.Index(
                condition=models.Q(("revoked_at__isnull", False)),
                fields=["revoked_at"],
                name="accounts_keys_revoked",
            ),
        ),
        migrations.AddConstraint(
            model_name="apikey",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("service_account", None), ("user__isnull", False)),
                    models.Q(("service_account__isnull", False), ("user", None)),
                    _connector="OR",
                ),
                name="accounts_key_has_one_holder",
            ),
        ),
    ]
