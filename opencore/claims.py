"""What tokens say, and what is known of API keys, in words that need no library."""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import ClassVar
from uuid import UUID

from opencore.addresses import is_within


@dataclass(frozen=True, kw_only=True)
class AccessClaims:
    """What an access token says: who asks, in which session, as what.

    `org_ids` are the organizations that the bearer belonged to when the token was
    made; `key_id` is the key that signed it. `assurance` is how sure it is who asks
    (`aal`), since `authenticated_at` (`auth_time`). `impersonator_id` is the one of the
    staff who asks as the user (`act`, RFC 8693), and who may change nothing if
    `read_only`.
    """

    user_id: UUID
    session_id: UUID
    role: str
    expires_at: datetime
    issued_at: datetime
    key_id: str
    org_ids: tuple[UUID, ...] = ()
    assurance: int = 1
    authenticated_at: datetime | None = None
    methods: tuple[str, ...] = ()
    impersonator_id: UUID | None = None
    read_only: bool = False

    # Made once: a token is read once, and its claims are written with each request.
    @cached_property
    def user(self) -> str:
        """The user's id as text."""
        return str(self.user_id)

    @cached_property
    def session(self) -> str:
        """The session's id as text."""
        return str(self.session_id)


@dataclass(frozen=True, kw_only=True)
class KeyClaims:
    """What is known of an API key, as of the moment when it was looked up.

    It is a service account's or a user's. `scopes` are what the key and the role of its
    holder both allowed then.
    """

    key_id: UUID
    organization_id: UUID
    scopes: frozenset[str]
    issued_at: datetime
    service_account_id: UUID | None = None
    user_id: UUID | None = None
    networks: tuple[str, ...] = ()
    expires_at: datetime | None = None
    role: ClassVar[str] = "user"
    # Whether it may change something is said by its scopes.
    read_only: ClassVar[bool] = False

    def admits(self, address: str, *, now: datetime) -> bool:
        """Tell whether the key is in its time, and may be used from an address."""
        in_time = self.expires_at is None or self.expires_at > now
        return in_time and (not self.networks or is_within(address, self.networks))


Claims = AccessClaims | KeyClaims


@dataclass(frozen=True, kw_only=True, slots=True)
class RefreshClaims:
    """What a refresh token says: which session it renews, and its place in line."""

    user_id: UUID
    session_id: UUID
    generation: int
    expires_at: datetime
