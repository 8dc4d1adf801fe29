"""PostgreSQL itself shows a request only the sessions and factors of who asks."""

from django.db import migrations

# Of a session in which staff act as a person, they are somebody, too.
APART = """
alter table accounts_session enable row level security;
alter table accounts_impersonation enable row level security;
alter table accounts_authenticator enable row level security;
alter table accounts_recoverycode enable row level security;
alter table accounts_datarequest enable row level security;

create policy of_person on accounts_session
    using (user_id = opencore_user() or impersonator_id = opencore_user());
create policy of_person on accounts_impersonation
    using (user_id = opencore_user() or impersonator_id = opencore_user());
create policy of_person on accounts_authenticator using (user_id = opencore_user());
create policy of_person on accounts_recoverycode using (user_id = opencore_user());
create policy of_person on accounts_datarequest using (user_id = opencore_user());
"""
TOGETHER = """
drop policy of_person on accounts_datarequest;
drop policy of_person on accounts_recoverycode;
drop policy of_person on accounts_authenticator;
drop policy of_person on accounts_impersonation;
drop policy of_person on accounts_session;

alter table accounts_datarequest disable row level security;
alter table accounts_recoverycode disable row level security;
alter table accounts_authenticator disable row level security;
alter table accounts_impersonation disable row level security;
alter table accounts_session disable row level security;
"""


class Migration(migrations.Migration):
    """Let row-level security keep people apart."""

    dependencies = [("accounts", "0005_keep_organizations_apart")]
    operations = [migrations.RunSQL(APART, TOGETHER)]
