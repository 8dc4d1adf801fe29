"""What happened while somebody was signing in."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from opencore.events.base import Event


@dataclass(frozen=True, kw_only=True, slots=True)
class SignInCodeRequested(Event):
    """Somebody asked for a code; sealed, so that only OpenCore reads it.

    The purpose is what the code is good for: `login`, `email_change`, `step_up` or
    `admin_login`.
    """

    type: ClassVar[str] = "opencore.auth.v1.sign-in-code-requested"
    personal: ClassVar[frozenset[str]] = frozenset({"email"})

    challenge_id: UUID
    email: str
    sealed_code: str
    expires_at: datetime
    purpose: str = "login"

    @property
    def key(self) -> UUID:
        """Return the challenge: codes of different challenges need no order."""
        return self.challenge_id
