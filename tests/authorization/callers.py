"""Everybody who may ask, and what an entry says becomes of it."""

from dataclasses import dataclass
from typing import Literal

from accounts.roles import PERMISSIONS, Permission, Role
from tests.authorization.entry import Entry
from tests.authorization.world import OUTSIDERS

Key = Literal[
    "with the scope",
    "without the scope",
    "of another organization",
    "of the owner",
    "of who is suspended",
]
# Whose own the last two are; all others are a service account's.
HOLDERS: dict[str | None, str] = {
    "of the owner": "owner",
    "of who is suspended": "suspended",
}
# Who of the staff is let through.
STAFF = {"operator": {"operator"}, "staff": {"operator", "support"}}
# What is still allowed where operators suspended the organization.
WHILE_SUSPENDED = {
    Permission.ORG_READ,
    Permission.MEMBERS_READ,
    Permission.BILLING_READ,
}


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Somebody who asks: a person of the world, a program with a key, or nobody."""

    name: str
    person: str | None = None
    key: Key | None = None
    # Whether they proved lately who they are.
    fresh: bool = True
    # Whether they ask about an organization that operators suspended.
    at_hooli: bool = False
    # Whether it is staff who acts as the person, and what they may do then.
    acting: Literal["reading", "writing"] | None = None


CALLERS = (
    Caller(name="nobody"),
    *(Caller(name=role, person=role) for role in Role.values),
    Caller(name="suspended member", person="suspended"),
    *(Caller(name=name, person=name) for name in OUTSIDERS),
    Caller(name="owner without a fresh proof", person="owner", fresh=False),
    Caller(name="owner while it is suspended", person="owner", at_hooli=True),
    Caller(name="key with the scope", key="with the scope"),
    Caller(name="key without the scope", key="without the scope"),
    Caller(name="key of another organization", key="of another organization"),
    Caller(name="key of the owner", key="of the owner"),
    Caller(name="key of who is suspended", key="of who is suspended"),
)


def expected(entry: Entry, caller: Caller) -> str | None:
    """Return the code of the problem that the caller gets; None if let through."""
    if entry.needs == "anybody":
        return None
    if caller.key is not None:
        return _expected_of_key(entry, caller.key)
    if caller.person is None:
        return "unauthenticated"
    if entry.needs in STAFF:
        return None if caller.person in STAFF[entry.needs] else "forbidden"
    if entry.step_up and not caller.fresh:
        return "step_up_required"
    if entry.needs == "person":
        return None
    return _expected_of_member(Permission(entry.needs), caller)


def _expected_of_member(permission: Permission, caller: Caller) -> str | None:
    if caller.person in OUTSIDERS:
        return "not_found"
    if caller.person == "suspended":
        return "membership_suspended"
    if permission not in PERMISSIONS[Role(str(caller.person))]:
        return "forbidden"
    if caller.at_hooli and permission not in WHILE_SUSPENDED:
        return "organization_suspended"
    return None


def _expected_of_key(entry: Entry, key: Key) -> str | None:
    if not entry.keys or not isinstance(entry.needs, Permission):
        return "forbidden"
    if key == "of another organization":
        return "not_found"
    if key == "of who is suspended":
        return "membership_suspended"
    role = Role.OWNER if key == "of the owner" else Role.ADMIN
    allowed = key != "without the scope" and entry.needs in PERMISSIONS[role]
    return None if allowed else "forbidden"
