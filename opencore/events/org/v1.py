"""What happened to organizations and their members."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from opencore.events.base import Event


@dataclass(frozen=True, kw_only=True, slots=True)
class OrgCreated(Event):
    """An organization was opened; its creator is its first owner (see MemberAdded)."""

    type: ClassVar[str] = "opencore.org.v1.org-created"

    org_id: UUID
    name: str
    created_by: UUID
    slug: str = ""

    @property
    def key(self) -> UUID:
        """Return the organization."""
        return self.org_id


@dataclass(frozen=True, kw_only=True, slots=True)
class MemberAdded(Event):
    """A user became a member; the roles stand in ARCHITECTURE.md."""

    type: ClassVar[str] = "opencore.org.v1.member-added"

    org_id: UUID
    user_id: UUID
    role: str

    @property
    def key(self) -> UUID:
        """Return the organization."""
        return self.org_id


@dataclass(frozen=True, kw_only=True, slots=True)
class MemberRemoved(Event):
    """A user is no longer a member."""

    type: ClassVar[str] = "opencore.org.v1.member-removed"

    org_id: UUID
    user_id: UUID

    @property
    def key(self) -> UUID:
        """Return the organization."""
        return self.org_id


@dataclass(frozen=True, kw_only=True, slots=True)
class OrgUpdated(Event):
    """An organization changed; the status is `active` or `suspended`."""

    type: ClassVar[str] = "opencore.org.v1.org-updated"

    org_id: UUID
    name: str
    slug: str
    status: str

    @property
    def key(self) -> UUID:
        """Return the organization."""
        return self.org_id


@dataclass(frozen=True, kw_only=True, slots=True)
class OrgDeleted(Event):
    """An organization was deleted; nothing of it is shown any more."""

    type: ClassVar[str] = "opencore.org.v1.org-deleted"

    org_id: UUID
    deleted_by: UUID

    @property
    def key(self) -> UUID:
        """Return the organization."""
        return self.org_id


@dataclass(frozen=True, kw_only=True, slots=True)
class OwnershipOffered(Event):
    """An owner offers the ownership to another member, who has to accept it."""

    type: ClassVar[str] = "opencore.org.v1.ownership-offered"

    org_id: UUID
    org_name: str
    transfer_id: UUID
    from_user_id: UUID
    to_user_id: UUID
    expires_at: datetime

    @property
    def key(self) -> UUID:
        """Return the organization."""
        return self.org_id


@dataclass(frozen=True, kw_only=True, slots=True)
class OwnershipOfferCancelled(Event):
    """An offer of the ownership is void; who of the two, or which owner, ended it is `by`."""

    type: ClassVar[str] = "opencore.org.v1.ownership-offer-cancelled"

    org_id: UUID
    org_name: str
    transfer_id: UUID
    from_user_id: UUID
    to_user_id: UUID
    by: UUID

    @property
    def key(self) -> UUID:
        """Return the organization."""
        return self.org_id


@dataclass(frozen=True, kw_only=True, slots=True)
class OwnershipTransferred(Event):
    """A member accepted the ownership; who offered it is an admin now."""

    type: ClassVar[str] = "opencore.org.v1.ownership-transferred"

    org_id: UUID
    org_name: str
    transfer_id: UUID
    from_user_id: UUID
    to_user_id: UUID

    @property
    def key(self) -> UUID:
        """Return the organization."""
        return self.org_id


@dataclass(frozen=True, kw_only=True, slots=True)
class MemberRoleChanged(Event):
    """A member got another role; nobody in particular gave it if `by` is null."""

    type: ClassVar[str] = "opencore.org.v1.member-role-changed"

    org_id: UUID
    user_id: UUID
    role: str
    previous_role: str
    by: UUID | None

    @property
    def key(self) -> UUID:
        """Return the organization."""
        return self.org_id


@dataclass(frozen=True, kw_only=True, slots=True)
class MemberSuspended(Event):
    """A member may do nothing in the organization until they are resumed."""

    type: ClassVar[str] = "opencore.org.v1.member-suspended"

    org_id: UUID
    user_id: UUID
    by: UUID | None

    @property
    def key(self) -> UUID:
        """Return the organization."""
        return self.org_id


@dataclass(frozen=True, kw_only=True, slots=True)
class MemberResumed(Event):
    """A suspended member may do again what their role allows."""

    type: ClassVar[str] = "opencore.org.v1.member-resumed"

    org_id: UUID
    user_id: UUID
    role: str
    by: UUID | None

    @property
    def key(self) -> UUID:
        """Return the organization."""
        return self.org_id


@dataclass(frozen=True, kw_only=True, slots=True)
class InvitationCreated(Event):
    """An address is asked to join; the token of its link is sealed, for OpenCore alone."""

    type: ClassVar[str] = "opencore.org.v1.invitation-created"
    personal: ClassVar[frozenset[str]] = frozenset({"email", "inviter"})

    org_id: UUID
    org_name: str
    invitation_id: UUID
    email: str
    role: str
    invited_by: UUID
    inviter: str
    sealed_token: str
    expires_at: datetime

    @property
    def key(self) -> UUID:
        """Return the organization."""
        return self.org_id


@dataclass(frozen=True, kw_only=True, slots=True)
class InvitationResent(Event):
    """An invitation goes out once more; only its new link is good from now on."""

    type: ClassVar[str] = "opencore.org.v1.invitation-resent"
    personal: ClassVar[frozenset[str]] = frozenset({"email", "inviter"})

    org_id: UUID
    org_name: str
    invitation_id: UUID
    email: str
    role: str
    invited_by: UUID
    inviter: str
    sealed_token: str
    expires_at: datetime

    @property
    def key(self) -> UUID:
        """Return the organization."""
        return self.org_id


@dataclass(frozen=True, kw_only=True, slots=True)
class InvitationAccepted(Event):
    """Who was invited joins (see MemberAdded)."""

    type: ClassVar[str] = "opencore.org.v1.invitation-accepted"

    org_id: UUID
    org_name: str
    invitation_id: UUID
    user_id: UUID
    role: str
    invited_by: UUID

    @property
    def key(self) -> UUID:
        """Return the organization."""
        return self.org_id


@dataclass(frozen=True, kw_only=True, slots=True)
class InvitationRevoked(Event):
    """An invitation is void; the reason is `revoked`, `declined`, `expired` or `deleted`."""

    type: ClassVar[str] = "opencore.org.v1.invitation-revoked"

    org_id: UUID
    invitation_id: UUID
    reason: str

    @property
    def key(self) -> UUID:
        """Return the organization."""
        return self.org_id


@dataclass(frozen=True, kw_only=True, slots=True)
class ApiKeyCreated(Event):
    """Somebody made an API key; it is a service account's, or else their own.

    The scopes are separated by spaces. The prefix is no secret: it finds the key.
    """

    type: ClassVar[str] = "opencore.org.v1.api-key-created"

    org_id: UUID
    key_id: UUID
    prefix: str
    scopes: str
    service_account_id: UUID | None
    user_id: UUID | None
    expires_at: datetime | None
    by: UUID

    @property
    def key(self) -> UUID:
        """Return the organization."""
        return self.org_id


@dataclass(frozen=True, kw_only=True, slots=True)
class ApiKeyRotated(Event):
    """An API key got a successor; it is good itself until a moment, and then no more."""

    type: ClassVar[str] = "opencore.org.v1.api-key-rotated"

    org_id: UUID
    key_id: UUID
    prefix: str
    scopes: str
    previous_key_id: UUID
    previous_good_until: datetime
    expires_at: datetime | None
    by: UUID

    @property
    def key(self) -> UUID:
        """Return the organization."""
        return self.org_id


@dataclass(frozen=True, kw_only=True, slots=True)
class ApiKeyRevoked(Event):
    """An API key is good for nothing any more.

    The reason is `revoked`, `rotated` (without a time for both), `disabled` (with its
    service account), `deleted` (with the organization), `erased` (with its person) or
    `operator` (by the staff).
    """

    type: ClassVar[str] = "opencore.org.v1.api-key-revoked"

    org_id: UUID
    key_id: UUID
    prefix: str
    scopes: str
    reason: str
    by: UUID | None

    @property
    def key(self) -> UUID:
        """Return the organization."""
        return self.org_id
