"""What the tokens say, in words that need no library for tokens."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, kw_only=True, slots=True)
class AccessClaims:
    """What an access token says: who asks, in which session, as what.

    `org_ids` are the organizations that the bearer belonged to when the token was
    made; `key_id` is the key that signed it.
    """

    user_id: UUID
    session_id: UUID
    role: str
    expires_at: datetime
    issued_at: datetime
    key_id: str
    org_ids: tuple[UUID, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class RefreshClaims:
    """What a refresh token says: which session it renews, and its place in line."""

    user_id: UUID
    session_id: UUID
    generation: int
    expires_at: datetime
