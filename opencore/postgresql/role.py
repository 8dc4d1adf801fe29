"""Whether row-level security holds the role that requests run as."""

from django.conf import settings
from django.db import connection

# Since PostgreSQL 16 a membership says by itself whether it allows SET ROLE.
LOOK = """
select r.rolsuper, r.rolbypassrls,
    not pg_has_role(session_user, r.oid, case
        when current_setting('server_version_num')::int >= 160000 then 'SET'
        else 'MEMBER' end),
    not has_schema_privilege(r.oid, current_schema(), 'USAGE'),
    exists (
        select from pg_class c
        where c.relnamespace = current_schema()::regnamespace
            and c.relkind in ('r', 'p') and pg_has_role(r.oid, c.relowner, 'MEMBER')
    )
from pg_roles r where r.rolname = %s
"""
FAULTS = (
    "is a superuser, whom row-level security does not hold",
    "has BYPASSRLS, so row-level security does not hold it",
    "can't be taken by the login role; run GRANT {role} TO the login role",
    "may not use the schema of the tables; run GRANT USAGE ON SCHEMA to it",
    "owns tables, or can become who does, so row-level security does not hold it",
)


def faults_of_role() -> list[str]:
    """Return what is wrong with the role that requests run as, in sentences."""
    role = settings.DATABASE_API_ROLE
    with connection.cursor() as cursor:
        cursor.execute(LOOK, [role])
        found = cursor.fetchone()
    if found is None:
        return [f"The role {role} of DATABASE_API_ROLE does not exist."]
    return [
        f"The role {role} of DATABASE_API_ROLE {fault.format(role=role)}."
        for fault, is_so in zip(FAULTS, found, strict=True)
        if is_so
    ]
