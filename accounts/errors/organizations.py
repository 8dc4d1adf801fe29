"""What organizations refuse."""

from http import HTTPStatus
from typing import ClassVar

from opencore.errors import DomainError


class OrganizationSuspended(DomainError):
    """The operators suspended this organization; it can be read, not used."""

    code: ClassVar[str] = "organization_suspended"
    status: ClassVar[HTTPStatus] = HTTPStatus.FORBIDDEN


class MembershipSuspended(DomainError):
    """Your membership of this organization is suspended; ask its owners."""

    code: ClassVar[str] = "membership_suspended"
    status: ClassVar[HTTPStatus] = HTTPStatus.FORBIDDEN


class AlreadyMember(DomainError):
    """This person is a member of the organization already."""

    code: ClassVar[str] = "already_member"
    status: ClassVar[HTTPStatus] = HTTPStatus.CONFLICT


class LastOwner(DomainError):
    """An organization keeps at least one owner; make somebody else an owner first."""

    code: ClassVar[str] = "last_owner"
    status: ClassVar[HTTPStatus] = HTTPStatus.CONFLICT


class SlugTaken(DomainError):
    """Another organization is called so in addresses; choose another slug."""

    code: ClassVar[str] = "slug_taken"
    status: ClassVar[HTTPStatus] = HTTPStatus.CONFLICT


class SeatLimitReached(DomainError):
    """The organization has as many members and invitations as its settings allow."""

    code: ClassVar[str] = "seat_limit_reached"
    status: ClassVar[HTTPStatus] = HTTPStatus.CONFLICT


class DomainNotAllowed(DomainError):
    """The organization takes only members with addresses of its own domains."""

    code: ClassVar[str] = "domain_not_allowed"
    status: ClassVar[HTTPStatus] = HTTPStatus.FORBIDDEN
