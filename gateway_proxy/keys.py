"""API keys, as the app that has them knows them, remembered for a few seconds."""

import hashlib
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol

from django.conf import settings
from django.db import connection
from django.utils.module_loading import import_string

from opencore.api_keys import read_key
from opencore.claims import KeyClaims
from opencore.tokens.memory import Memory

# For so long nobody is asked about a key again; Redis tells at once of one that ended.
KEPT = 10.0
MOST_KEPT = 10_000


class FindKey(Protocol):
    """Returns a key that is good now and from an address; None without."""

    def __call__(
        self, *, credentials: str, address: str, now: datetime
    ) -> KeyClaims | None:
        """Return it."""
        ...


class RememberedKeys:
    """Looks keys up, and remembers the good ones. Threads may share it.

    No text of a key is kept. A key that is not good is not remembered either: who
    shows many of those pays for each.
    """

    def __init__(
        self, find: FindKey, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._find = find
        self._clock = clock
        self._kept: Memory[bytes, tuple[KeyClaims, float]] = Memory(room=MOST_KEPT)

    def known(self, credentials: str) -> KeyClaims | None:
        """Return a key that was looked up a moment ago."""
        kept = self._kept.find(mark_of(credentials))
        if kept is None or self._clock() >= kept[1]:
            return None
        return kept[0]

    def look_up(self, credentials: str, sender: str) -> KeyClaims | None:
        """Return a key that is good now, from this address; None if it is not."""
        if read_key(credentials) is None:
            return None
        asked_at = self._clock()
        found = self._find(
            credentials=credentials, address=sender, now=datetime.now(UTC)
        )
        mark = mark_of(credentials)
        if found is None:
            self._kept.drop(mark)
        else:
            # From the question on, for what ends meanwhile may not be in the answer.
            self._kept.put(mark, (found, asked_at + KEPT))
        return found


def remembered_keys() -> RememberedKeys:
    """Return the keys of this deployment."""
    return RememberedKeys(_find)


def mark_of(credentials: str) -> bytes:
    """Return what a key is remembered by."""
    return hashlib.sha256(credentials.encode()).digest()


def let_go() -> None:
    """Give the database's connection of this thread back."""
    connection.close()


def _find(*, credentials: str, address: str, now: datetime) -> KeyClaims | None:
    find: FindKey = import_string(settings.API_KEY_FINDER)
    return find(credentials=credentials, address=address, now=now)
