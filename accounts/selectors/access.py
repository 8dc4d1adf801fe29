"""Who may do what in an organization: the only way to one for those who ask.

People come in by their membership, programs by their key. What a role may do stands in
accounts.roles; of a key it is what its scopes and its holder's role both allow.
"""

from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

from accounts.errors import MembershipSuspended, MfaRequired, OrganizationSuspended
from accounts.models import ApiKey, Membership, Organization, ServiceAccount
from accounts.roles import PERMISSIONS, Permission, Role, may_grant, may_lend
from opencore.authentication import KeyPrincipal, Principal, StepUpRequired
from opencore.errors import Forbidden, NotFound
from opencore.tenancy import enter_organization

# What is still allowed in an organization that operators suspended.
_WHILE_SUSPENDED = frozenset(
    {Permission.ORG_READ, Permission.MEMBERS_READ, Permission.BILLING_READ}
)
# What a key may let others become that must not assign roles.
_PLAIN = frozenset({Role.MEMBER, Role.VIEWER})
TWO_FACTORS = 2


@dataclass(frozen=True, slots=True)
class Access:
    """What somebody may do in an organization, as it is now in the database."""

    organization: Organization
    role: Role
    permissions: frozenset[str]
    # None for a service account.
    membership: Membership | None
    # Who acts: a person or a service account.
    actor_id: UUID

    def require(self, permission: Permission) -> None:
        """Raise Forbidden unless this is allowed, OrganizationSuspended if never now."""
        if permission not in self.permissions:
            raise Forbidden
        active = self.organization.status == Organization.Status.ACTIVE
        if not active and permission not in _WHILE_SUSPENDED:
            raise OrganizationSuspended

    def require_grant(self, role: Role) -> None:
        """Raise Forbidden unless this role may be given or taken here."""
        if not may_grant(self.role, role):
            raise Forbidden
        # Of people, who may invite may also assign roles; a key's scopes say it apart.
        if Permission.ROLES_ASSIGN not in self.permissions and role not in _PLAIN:
            raise Forbidden

    def require_lending(self, role: Role) -> None:
        """Raise Forbidden unless a program may be given this role, or lose it, here."""
        if not may_lend(self.role, role):
            raise Forbidden


def access_to(
    organization_id: UUID,
    caller: Principal | KeyPrincipal,
    permission: Permission = Permission.ORG_READ,
) -> Access:
    """Return what the caller may do in an organization, this permission among it.

    Raises NotFound to outsiders, MembershipSuspended to members who are suspended,
    MfaRequired to those who proved one factor where two are demanded, StepUpRequired to
    those who proved it too long ago for the organization, Forbidden to those whose role
    or key does not allow it.
    """
    if isinstance(caller, KeyPrincipal):
        access = _access_by_key(organization_id, caller)
    else:
        access = _access_of_member(organization_id, caller.user_id)
        _require_proof(access.organization, caller)
    access.require(permission)
    return access


def allowed_now(*, key: ApiKey) -> frozenset[str] | None:
    """Return what a key and its holder's role both allow now, for gateways.

    None without a holder who may act, or if the organization was deleted.
    """
    status, role = key.organization.status, _role_of_holder(key)
    if role is None or status == Organization.Status.DELETED:
        return None
    allowed = PERMISSIONS[role] & frozenset(key.scopes)
    if status == Organization.Status.SUSPENDED:
        allowed &= _WHILE_SUSPENDED
    return frozenset(str(permission) for permission in allowed)


def _role_of_holder(key: ApiKey) -> Role | None:
    account = key.service_account
    if account is not None:
        return Role(account.role) if account.disabled_at is None else None
    if key.user is None:
        return None
    membership = Membership.objects.filter(
        organization_id=key.organization_id,
        user=key.user,
        status=Membership.Status.ACTIVE,
    ).first()
    return None if membership is None else Role(membership.role)


def _access_of_member(organization_id: UUID, user_id: UUID) -> Access:
    membership = (
        Membership.objects.filter(organization_id=organization_id, user_id=user_id)
        .exclude(organization__status=Organization.Status.DELETED)
        .select_related("organization")
        .first()
    )
    if membership is None:
        raise NotFound
    if membership.status != Membership.Status.ACTIVE:
        raise MembershipSuspended
    enter_organization(organization_id)
    role = Role(membership.role)
    return Access(
        organization=membership.organization,
        role=role,
        permissions=frozenset(PERMISSIONS[role]),
        membership=membership,
        actor_id=user_id,
    )


def require_two_factors(caller: Principal) -> None:
    """Raise MfaRequired to who proved one factor; tokens say so."""
    if caller.assurance < TWO_FACTORS:
        raise MfaRequired


def _require_proof(organization: Organization, caller: Principal) -> None:
    if organization.settings.get("mfa_required", False):
        require_two_factors(caller)
    hours = organization.settings.get("session_max_age")
    if hours is not None and not caller.proved_within(timedelta(hours=hours)):
        raise StepUpRequired


def _access_by_key(organization_id: UUID, caller: KeyPrincipal) -> Access:
    if caller.organization_id != organization_id:
        raise NotFound
    if caller.user_id is not None:
        access = _access_of_member(organization_id, caller.user_id)
    elif caller.service_account_id is not None:
        access = _access_of_program(organization_id, caller.service_account_id)
    else:
        raise NotFound
    # Owners are made and unmade by people alone.
    role = Role.ADMIN if access.role == Role.OWNER else access.role
    permissions = access.permissions & caller.scopes
    return replace(access, role=role, permissions=permissions)


def _access_of_program(organization_id: UUID, account_id: UUID) -> Access:
    # Its key was proved to be this organization's.
    enter_organization(organization_id)
    account = (
        ServiceAccount.objects.filter(
            id=account_id,
            organization_id=organization_id,
            disabled_at=None,
        )
        .exclude(organization__status=Organization.Status.DELETED)
        .select_related("organization")
        .first()
    )
    if account is None:
        raise NotFound
    role = Role(account.role)
    return Access(
        organization=account.organization,
        role=role,
        permissions=frozenset(PERMISSIONS[role]),
        membership=None,
        actor_id=account.id,
    )
