"""Where the members of an organization are, and what they are to it."""

from accounts.models import Membership, Organization, User

ORGS = "/v1/orgs"


def members(organization: Organization) -> str:
    """Return where the members of an organization are."""
    return f"{ORGS}/{organization.id}/members"


def member(organization: Organization, user: User) -> str:
    """Return where a member of an organization is."""
    return f"{members(organization)}/{user.id}"


def give(organization: Organization, user: User, role: str) -> None:
    """Give a member another role."""
    Membership.objects.filter(organization=organization, user=user).update(role=role)


def role_of(organization: Organization, user: User) -> str:
    """Return the role that somebody has."""
    return Membership.objects.get(organization=organization, user=user).role
