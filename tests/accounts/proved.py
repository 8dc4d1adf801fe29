"""People who proved just now who they are, and staff who act as them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.utils import timezone

from opencore.tokens import mint_access
from tests.api import Api


@dataclass(frozen=True)
class Fresh:
    """What a token says of how sure it is who bears it."""

    assurance: int = 1
    authenticated_at: datetime | None = field(default_factory=timezone.now)
    methods: Sequence[str] = ("otp",)
    impersonator_id: UUID | None = None
    read_only: bool = False


@dataclass(frozen=True)
class Proved(Api):
    """Somebody with a fresh proof, or with another one."""

    proof: Fresh = field(default_factory=Fresh)

    def _headers(self, key: str | None = None) -> dict[str, str]:
        token = mint_access(
            user_id=self.user_id,
            session_id=self.session_id,
            role=self.role,
            now=timezone.now(),
            proof=self.proof,
        )
        return {**super()._headers(key), "Authorization": f"Bearer {token}"}
