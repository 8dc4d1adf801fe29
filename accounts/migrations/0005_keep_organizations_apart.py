"""PostgreSQL itself shows a request only the organization that the caller may enter."""

from django.conf import settings
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

GRANTS = {
    "accounts_user": "select, insert, update",
    "accounts_challenge": "select, insert, update, delete",
    "accounts_addresslock": "select, insert, update, delete",
    "accounts_authenticator": "select, insert, update, delete",
    "accounts_recoverycode": "select, insert, update, delete",
    "accounts_session": "select, insert, update",
    "accounts_impersonation": "select, insert, update",
    "accounts_datarequest": "select, insert, update",
    "accounts_organization": "select, insert, update",
    "accounts_membership": "select, insert, update, delete",
    "accounts_invitation": "select, insert, update, delete",
    "accounts_ownershiptransfer": "select, insert, update",
    "accounts_serviceaccount": "select, insert, update",
    "accounts_apikey": "select, insert, update",
    # To the record one can only add; what seals it, and files, workers write.
    "accounts_auditentry": "select, insert",
    "accounts_auditpersonal": "select, insert",
    "accounts_auditseal": "select",
    "accounts_auditanchor": "select",
    "accounts_auditexport": "select, insert",
    "accounts_file": "select",
    "accounts_filepart": "select",
}
APART = """
alter table accounts_organization enable row level security;
alter table accounts_membership enable row level security;
alter table accounts_invitation enable row level security;
alter table accounts_ownershiptransfer enable row level security;
alter table accounts_serviceaccount enable row level security;
alter table accounts_apikey enable row level security;
alter table accounts_auditentry enable row level security;
alter table accounts_auditpersonal enable row level security;
alter table accounts_auditseal enable row level security;
alter table accounts_auditanchor enable row level security;
alter table accounts_auditexport enable row level security;
alter table accounts_file enable row level security;
alter table accounts_filepart enable row level security;

create policy of_organization on accounts_organization using (id = opencore_org());
create policy of_members on accounts_organization for select using (
    id in (
        select m.organization_id from accounts_membership m where m.user_id = opencore_user()
    )
);
create policy of_invited on accounts_organization for select using (
    id in (
        select i.organization_id from accounts_invitation i
        where encode(token_hmac, 'hex') = any(opencore_links())
            or lower(email) = (
                select lower(u.email) from accounts_user u where u.id = opencore_user()
            )
    )
);

create policy of_organization on accounts_membership using (organization_id = opencore_org());
create policy of_person on accounts_membership for select using (user_id = opencore_user());

create policy of_organization on accounts_invitation using (organization_id = opencore_org());
create policy of_invited on accounts_invitation for select using (
    encode(token_hmac, 'hex') = any(opencore_links())
    or lower(email) = (
        select lower(u.email) from accounts_user u where u.id = opencore_user()
    )
);
create policy locked_by_invited on accounts_invitation for update
    using (
    encode(token_hmac, 'hex') = any(opencore_links())
    or lower(email) = (
        select lower(u.email) from accounts_user u where u.id = opencore_user()
    )
) with check (organization_id = opencore_org());

create policy of_organization on accounts_ownershiptransfer
    using (organization_id = opencore_org());
create policy of_organization on accounts_serviceaccount
    using (organization_id = opencore_org());

create policy of_organization on accounts_apikey using (organization_id = opencore_org());
create policy shown on accounts_apikey for select using (prefix = opencore_key());
create policy used on accounts_apikey for update using (prefix = opencore_key());

-- What concerns no organization is read by workers and operators; a request reads it
-- only as long as it takes to write it, for INSERT ... RETURNING is a reading, too.
create policy of_organization on accounts_auditentry for select using (
    organization_id = opencore_org()
    or (organization_id is null and occurred_at >= transaction_timestamp())
);
create policy added on accounts_auditentry for insert
    with check (organization_id = opencore_org() or organization_id is null);
create policy of_organization on accounts_auditpersonal for select
    using (organization_id = opencore_org());
create policy added on accounts_auditpersonal for insert
    with check (organization_id = opencore_org() or organization_id is null);
create policy of_organization on accounts_auditseal using (chain_id = opencore_org());
create policy of_organization on accounts_auditanchor using (chain_id = opencore_org());
create policy of_organization on accounts_auditexport using (organization_id = opencore_org());

create policy of_organization on accounts_file using (organization_id = opencore_org());
create policy of_person on accounts_file using (user_id = opencore_user());
create policy of_file on accounts_filepart using (
    exists (select from accounts_file f where f.id = file_id)
);
"""
TOGETHER = """
drop policy of_file on accounts_filepart;
drop policy of_person on accounts_file;
drop policy of_organization on accounts_file;
drop policy of_organization on accounts_auditexport;
drop policy of_organization on accounts_auditanchor;
drop policy of_organization on accounts_auditseal;
drop policy added on accounts_auditpersonal;
drop policy of_organization on accounts_auditpersonal;
drop policy added on accounts_auditentry;
drop policy of_organization on accounts_auditentry;
drop policy used on accounts_apikey;
drop policy shown on accounts_apikey;
drop policy of_organization on accounts_apikey;
drop policy of_organization on accounts_serviceaccount;
drop policy of_organization on accounts_ownershiptransfer;
drop policy of_invited on accounts_organization;
drop policy locked_by_invited on accounts_invitation;
drop policy of_invited on accounts_invitation;
drop policy of_organization on accounts_invitation;
drop policy of_members on accounts_organization;
drop policy of_person on accounts_membership;
drop policy of_organization on accounts_membership;
drop policy of_organization on accounts_organization;

alter table accounts_filepart disable row level security;
alter table accounts_file disable row level security;
alter table accounts_auditexport disable row level security;
alter table accounts_auditanchor disable row level security;
alter table accounts_auditseal disable row level security;
alter table accounts_auditpersonal disable row level security;
alter table accounts_auditentry disable row level security;
alter table accounts_apikey disable row level security;
alter table accounts_serviceaccount disable row level security;
alter table accounts_ownershiptransfer disable row level security;
alter table accounts_invitation disable row level security;
alter table accounts_membership disable row level security;
alter table accounts_organization disable row level security;
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
    """Let row-level security keep organizations apart, and files of people."""

    dependencies = [
        ("accounts", "0004_find_by_slug_action_target_and_sender"),
        ("opencore", "0003_let_requests_run_as_a_role_of_their_own"),
    ]
    operations = [
        migrations.RunPython(grant, revoke),
        migrations.RunSQL(APART, TOGETHER),
    ]
