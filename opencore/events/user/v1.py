"""What happened to people."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from opencore.events.base import Event


@dataclass(frozen=True, kw_only=True, slots=True)
class UserCreated(Event):
    """A person signed in for the first time and became a user."""

    type: ClassVar[str] = "opencore.user.v1.user-created"
    personal: ClassVar[frozenset[str]] = frozenset({"email"})

    user_id: UUID
    email: str

    @property
    def key(self) -> UUID:
        """Return the user."""
        return self.user_id


@dataclass(frozen=True, kw_only=True, slots=True)
class SessionRevoked(Event):
    """A session ended before its time; the reason is `logout`, `user`, `operator`...

    `refresh_reused` means that somebody had a copy of its refresh token.
    """

    type: ClassVar[str] = "opencore.user.v1.session-revoked"
    urgent: ClassVar[bool] = True

    user_id: UUID
    session_id: UUID
    reason: str

    @property
    def key(self) -> UUID:
        """Return the user."""
        return self.user_id


@dataclass(frozen=True, kw_only=True, slots=True)
class AccountLocked(Event):
    """Codes of a user's address were guessed; for a while it gets none."""

    type: ClassVar[str] = "opencore.user.v1.account-locked"
    urgent: ClassVar[bool] = True

    user_id: UUID
    locked_until: datetime

    @property
    def key(self) -> UUID:
        """Return the user."""
        return self.user_id
