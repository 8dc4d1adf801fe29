"""Emits for tests: short facts about people with names."""

from uuid import UUID, uuid5

from django.db import transaction

from opencore.events.user.v1 import SessionRevoked, UserCreated
from outbox.publishing import emit

PEOPLE = UUID("0192f0c1-0000-7000-8000-000000000000")


def person(name: str) -> UUID:
    """Return the id that this person always has."""
    return uuid5(PEOPLE, name)


def tell_of(name: str, *, email: str | None = None) -> UUID:
    """Emit that this person was created, in a transaction of its own."""
    with transaction.atomic():
        return emit(
            UserCreated(user_id=person(name), email=email or f"{name}@example.com")
        )


def tell_session_ended(name: str, reason: str = "logout") -> UUID:
    """Emit that a session of this person ended."""
    with transaction.atomic():
        return emit(
            SessionRevoked(user_id=person(name), session_id=person("s"), reason=reason)
        )
