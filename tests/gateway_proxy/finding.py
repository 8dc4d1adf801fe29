"""API keys that are found without a database, as a test says."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from uuid import UUID, uuid4

from django.db import OperationalError

from opencore.api_keys import new_key_text
from opencore.claims import KeyClaims


@dataclass
class Finder:
    """Knows some keys; counts how often it is asked, and may be away."""

    keys: dict[str, KeyClaims] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    away: bool = False

    def __call__(
        self, *, credentials: str, address: str, now: datetime
    ) -> KeyClaims | None:
        """Return a key that is good."""
        self.asked.append(address)
        if self.away:
            raise OperationalError("connection refused")
        key = self.keys.get(credentials)
        if key is None or not key.admits(address, now=now):
            return None
        return replace(key, issued_at=now)

    def make(self, **more: object) -> tuple[str, KeyClaims]:
        """Return the text of a new key, and what is known of it."""
        key = replace(program(), **more)  # type: ignore[arg-type]  # -- each caller names a field of its type
        text = new_key_text().text
        self.keys[text] = key
        return text, key


def program(organization_id: UUID | None = None) -> KeyClaims:
    """Return what is known of a key of a service account."""
    return KeyClaims(
        key_id=uuid4(),
        organization_id=organization_id or uuid4(),
        scopes=frozenset({"org.read", "members.read"}),
        issued_at=datetime.now(UTC),
        service_account_id=uuid4(),
    )


finder = Finder()


def find(*, credentials: str, address: str, now: datetime) -> KeyClaims | None:
    """Ask the finder of the test that runs."""
    return finder(credentials=credentials, address=address, now=now)
