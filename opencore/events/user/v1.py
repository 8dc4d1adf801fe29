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
class UserUpdated(Event):
    """A person changed what they say about themselves; names with commas say what.

    The names are `name`, `locale` and `time_zone`; the version counts their changes.
    """

    type: ClassVar[str] = "opencore.user.v1.user-updated"
    personal: ClassVar[frozenset[str]] = frozenset({"locale", "time_zone"})

    user_id: UUID
    changed: str
    locale: str
    time_zone: str
    version: int

    @property
    def key(self) -> UUID:
        """Return the user."""
        return self.user_id


@dataclass(frozen=True, kw_only=True, slots=True)
class UserEmailChanged(Event):
    """A person proved that another address is theirs, and signs in with it from now on.

    Of two such events that with the greater version tells the newer address.
    """

    type: ClassVar[str] = "opencore.user.v1.user-email-changed"
    personal: ClassVar[frozenset[str]] = frozenset({"email"})

    user_id: UUID
    email: str
    version: int

    @property
    def key(self) -> UUID:
        """Return the user."""
        return self.user_id


@dataclass(frozen=True, kw_only=True, slots=True)
class ImpersonationStarted(Event):
    """Staff acts as a person until it expires, for a reason that the person is told."""

    type: ClassVar[str] = "opencore.user.v1.impersonation-started"
    personal: ClassVar[frozenset[str]] = frozenset({"reason"})
    urgent: ClassVar[bool] = True

    user_id: UUID
    impersonation_id: UUID
    impersonator_id: UUID
    reason: str
    read_only: bool
    expires_at: datetime

    @property
    def key(self) -> UUID:
        """Return the user."""
        return self.user_id


@dataclass(frozen=True, kw_only=True, slots=True)
class ImpersonationEnded(Event):
    """Staff acts as a person no more; that it expired by itself is not told."""

    type: ClassVar[str] = "opencore.user.v1.impersonation-ended"
    urgent: ClassVar[bool] = True

    user_id: UUID
    impersonation_id: UUID
    impersonator_id: UUID
    ended_at: datetime

    @property
    def key(self) -> UUID:
        """Return the user."""
        return self.user_id


@dataclass(frozen=True, kw_only=True, slots=True)
class DataRequested(Event):
    """A person asked for a copy of their data or for its erasure: `export`, `erasure`."""

    type: ClassVar[str] = "opencore.user.v1.data-requested"

    user_id: UUID
    request_id: UUID
    kind: str
    not_before: datetime

    @property
    def key(self) -> UUID:
        """Return the user."""
        return self.user_id


@dataclass(frozen=True, kw_only=True, slots=True)
class DataRequestCancelled(Event):
    """A request for data or erasure was taken back in time."""

    type: ClassVar[str] = "opencore.user.v1.data-request-cancelled"

    user_id: UUID
    request_id: UUID
    kind: str

    @property
    def key(self) -> UUID:
        """Return the user."""
        return self.user_id


@dataclass(frozen=True, kw_only=True, slots=True)
class DataExportReady(Event):
    """A person's copy of their data can be fetched, until it expires."""

    type: ClassVar[str] = "opencore.user.v1.data-export-ready"

    user_id: UUID
    request_id: UUID
    expires_at: datetime

    @property
    def key(self) -> UUID:
        """Return the user."""
        return self.user_id


@dataclass(frozen=True, kw_only=True, slots=True)
class ErasureUpcoming(Event):
    """A person's data will be erased soon, unless they take it back before."""

    type: ClassVar[str] = "opencore.user.v1.erasure-upcoming"

    user_id: UUID
    request_id: UUID
    not_before: datetime

    @property
    def key(self) -> UUID:
        """Return the user."""
        return self.user_id


@dataclass(frozen=True, kw_only=True, slots=True)
class ErasureFailed(Event):
    """A person's data could not be erased; the reason is the code of a refusal."""

    type: ClassVar[str] = "opencore.user.v1.erasure-failed"

    user_id: UUID
    request_id: UUID
    reason: str

    @property
    def key(self) -> UUID:
        """Return the user."""
        return self.user_id


@dataclass(frozen=True, kw_only=True, slots=True)
class UserErased(Event):
    """A person is no user any more; whoever holds something of them forgets it."""

    type: ClassVar[str] = "opencore.user.v1.user-erased"

    user_id: UUID
    erased_at: datetime

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


@dataclass(frozen=True, kw_only=True, slots=True)
class AuthenticatorAdded(Event):
    """A person is asked for a second factor from now on."""

    type: ClassVar[str] = "opencore.user.v1.authenticator-added"
    urgent: ClassVar[bool] = True

    user_id: UUID
    authenticator_id: UUID

    @property
    def key(self) -> UUID:
        """Return the user."""
        return self.user_id


@dataclass(frozen=True, kw_only=True, slots=True)
class AuthenticatorRemoved(Event):
    """A person is asked for no second factor any more."""

    type: ClassVar[str] = "opencore.user.v1.authenticator-removed"
    urgent: ClassVar[bool] = True

    user_id: UUID
    authenticator_id: UUID

    @property
    def key(self) -> UUID:
        """Return the user."""
        return self.user_id


@dataclass(frozen=True, kw_only=True, slots=True)
class RecoveryCodesMade(Event):
    """A person got new recovery codes; those of before are good for nothing."""

    type: ClassVar[str] = "opencore.user.v1.recovery-codes-made"
    urgent: ClassVar[bool] = True

    user_id: UUID

    @property
    def key(self) -> UUID:
        """Return the user."""
        return self.user_id


@dataclass(frozen=True, kw_only=True, slots=True)
class RecoveryCodeUsed(Event):
    """A recovery code stood in for a person's second factor; so many are left."""

    type: ClassVar[str] = "opencore.user.v1.recovery-code-used"
    urgent: ClassVar[bool] = True

    user_id: UUID
    left: int

    @property
    def key(self) -> UUID:
        """Return the user."""
        return self.user_id
