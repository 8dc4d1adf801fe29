"""What each role may do in an organization: the one table that everything asks."""

from django.db import models


class Role(models.TextChoices):
    """What a member is in an organization, the mightiest first."""

    OWNER = "owner"
    ADMIN = "admin"
    BILLING = "billing"
    DEVELOPER = "developer"
    MEMBER = "member"
    VIEWER = "viewer"


class Permission(models.TextChoices):
    """What can be allowed in an organization; API keys are given these as scopes."""

    ORG_READ = "org.read"
    ORG_UPDATE = "org.update"
    ORG_DELETE = "org.delete"
    DOMAINS_MANAGE = "domains.manage"
    OWNERSHIP_TRANSFER = "ownership.transfer"
    MEMBERS_READ = "members.read"
    MEMBERS_INVITE = "members.invite"
    MEMBERS_REMOVE = "members.remove"
    ROLES_ASSIGN = "roles.assign"
    ROLES_ASSIGN_OWNER = "roles.assign_owner"
    API_KEYS_MANAGE = "api_keys.manage"
    SERVICE_ACCOUNTS_MANAGE = "service_accounts.manage"
    WEBHOOKS_READ = "webhooks.read"
    WEBHOOKS_MANAGE = "webhooks.manage"
    USAGE_WRITE = "usage.write"
    BILLING_READ = "billing.read"
    BILLING_MANAGE = "billing.manage"
    AUDIT_READ = "audit.read"
    AUDIT_EXPORT = "audit.export"
    SSO_MANAGE = "sso.manage"
    MFA_POLICY = "mfa.policy"
    NOTIFICATIONS_OWN = "notifications.own"


_O, _A, _B, _D, _M, _V = Role
_P = Permission

# Read across: a permission and whose it is.
MATRIX: dict[Permission, frozenset[Role]] = {
    _P.ORG_READ: frozenset(Role),
    _P.ORG_UPDATE: frozenset({_O, _A}),
    _P.ORG_DELETE: frozenset({_O}),
    _P.DOMAINS_MANAGE: frozenset({_O, _A}),
    _P.OWNERSHIP_TRANSFER: frozenset({_O}),
    _P.MEMBERS_READ: frozenset(Role),
    _P.MEMBERS_INVITE: frozenset({_O, _A}),
    _P.MEMBERS_REMOVE: frozenset({_O, _A}),
    _P.ROLES_ASSIGN: frozenset({_O, _A}),
    _P.ROLES_ASSIGN_OWNER: frozenset({_O}),
    _P.API_KEYS_MANAGE: frozenset({_O, _A, _D}),
    _P.SERVICE_ACCOUNTS_MANAGE: frozenset({_O, _A, _D}),
    _P.WEBHOOKS_READ: frozenset({_O, _A, _D}),
    _P.WEBHOOKS_MANAGE: frozenset({_O, _A, _D}),
    _P.USAGE_WRITE: frozenset({_O, _A, _D}),
    _P.BILLING_READ: frozenset({_O, _A, _B, _V}),
    _P.BILLING_MANAGE: frozenset({_O, _B}),
    _P.AUDIT_READ: frozenset({_O, _A}),
    _P.AUDIT_EXPORT: frozenset({_O, _A}),
    _P.SSO_MANAGE: frozenset({_O, _A}),
    _P.MFA_POLICY: frozenset({_O, _A}),
    _P.NOTIFICATIONS_OWN: frozenset(Role),
}

# What nobody does without having shown lately who they are.
NEEDS_STEP_UP = frozenset(
    {
        Permission.ORG_DELETE,
        Permission.OWNERSHIP_TRANSFER,
        Permission.API_KEYS_MANAGE,
        Permission.SERVICE_ACCOUNTS_MANAGE,
        Permission.SSO_MANAGE,
        Permission.MFA_POLICY,
    }
)

# What no key allows: what needs a proof of who somebody is, and what is a person's own.
PEOPLES_OWN = NEEDS_STEP_UP | {
    Permission.ROLES_ASSIGN_OWNER,
    Permission.NOTIFICATIONS_OWN,
}
SCOPES = tuple(each for each in Permission if each not in PEOPLES_OWN)

PERMISSIONS: dict[Role, frozenset[Permission]] = {
    role: frozenset(permission for permission, roles in MATRIX.items() if role in roles)
    for role in Role
}


def may_grant(own: Role, role: Role) -> bool:
    """Tell whether who has a role may give or take another: none above their own."""
    needed = (
        Permission.ROLES_ASSIGN_OWNER if role == Role.OWNER else Permission.ROLES_ASSIGN
    )
    return needed in PERMISSIONS[own] and PERMISSIONS[role] <= (
        PERMISSIONS[own] | _SIDEWAYS
    )


def may_lend(own: Role, role: Role) -> bool:
    """Tell whether who has a role may let a program have another: nothing beyond it."""
    return PERMISSIONS[role] <= PERMISSIONS[own]


# Money is nobody's rank: an admin may make somebody the one who pays.
_SIDEWAYS = frozenset({Permission.BILLING_MANAGE})
