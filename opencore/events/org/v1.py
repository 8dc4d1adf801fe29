"""What happened to organizations and their members."""

from dataclasses import dataclass
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

    @property
    def key(self) -> UUID:
        """Return the organization."""
        return self.org_id


@dataclass(frozen=True, kw_only=True, slots=True)
class MemberAdded(Event):
    """A user became a member; the role is `owner`, `admin` or `member`."""

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
