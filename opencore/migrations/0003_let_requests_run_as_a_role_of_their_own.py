"""Requests run as a role that owns nothing, so that row-level security applies."""

from django.conf import settings
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

GRANTS = {"opencore_idempotencykey": "select, insert, update, delete"}

# Roles belong to the whole server: another database's migration may make it right now.
# Since PostgreSQL 16 a membership says by itself whether it allows SET ROLE.
MAKE = """
do $do$
begin
    begin
        if not exists (select from pg_roles where rolname = '{role}') then
            create role {role} nologin;
        end if;
    exception when duplicate_object or unique_violation then
        null;
    end;
    if not pg_has_role(
        current_user, '{role}',
        case when current_setting('server_version_num')::int >= 160000
            then 'SET' else 'MEMBER' end
    ) then
        execute format('grant {role} to %I', current_user);
    end if;
    -- All have it of the schema that comes with a database, nobody of one made since.
    if not has_schema_privilege('{role}', current_schema(), 'USAGE') then
        execute format('grant usage on schema %I to {role}', current_schema());
    end if;
exception when insufficient_privilege then
    raise exception '% may not make the role {role}, as which requests run.'
        ' Let an administrator run: CREATE ROLE {role} NOLOGIN; GRANT {role} TO %;'
        ' then migrate again', current_user, quote_ident(current_user)
        using errcode = 'insufficient_privilege';
end
$do$
"""


# What policies are written in: simple enough to be inlined, so that indexes serve them.
SETTINGS = """
create function opencore_user() returns uuid language sql stable
    return nullif(current_setting('opencore.user', true), '')::uuid;
create function opencore_org() returns uuid language sql stable
    return nullif(current_setting('opencore.org', true), '')::uuid;
create function opencore_key() returns text language sql stable
    return current_setting('opencore.key', true);
create function opencore_links() returns text[] language sql stable
    return string_to_array(current_setting('opencore.link', true), ',');
"""
NO_SETTINGS = """
drop function opencore_links();
drop function opencore_key();
drop function opencore_org();
drop function opencore_user();
"""


def make_role(_apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Make the role unless it is there, and let the login role become it."""
    schema_editor.execute(MAKE.format(role=settings.DATABASE_API_ROLE), None)


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
    """Make the role, and let it use what belongs to no single app."""

    dependencies = [("opencore", "0002_record_revoked_keys")]
    operations = [
        migrations.RunPython(make_role, migrations.RunPython.noop),
        migrations.RunSQL(SETTINGS, NO_SETTINGS),
        migrations.RunPython(grant, revoke),
    ]
