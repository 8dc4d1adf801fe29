"""Tells gateways at once what is revoked, and lets a gateway remember it.

Redis holds what is revoked, and the gateways ask it with each request. What a gateway
heard of counts for it while Redis is away.
"""

import logging
import os
import time
from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import lru_cache
from itertools import islice
from pathlib import Path
from threading import Event, Thread
from uuid import UUID

from django.conf import settings
from redis import Redis
from redis.backoff import NoBackoff
from redis.commands.core import Script
from redis.exceptions import RedisError
from redis.retry import Retry

from opencore.claims import AccessClaims, Claims
from opencore.revoked import (
    GOOD_SINCE,
    NEWS,
    REVOKED,
    KnownRevocations,
    Revocation,
    of_key,
    of_session,
    of_user,
)

log = logging.getLogger(__name__)

# Redis does nothing else while it notes one batch.
_BATCH = 500
_KEYS = (REVOKED, GOOD_SINCE, NEWS)
_SECONDS_BETWEEN_LOOKS = 1.0
# Nobody waits for the watcher's own looks.
_PATIENCE = 1.0


class RevocationsUnavailable(Exception):
    """Redis could not be told."""


def revoke_session(session_id: UUID, *, until: datetime) -> None:
    """Let no gateway pass a token of the session; raises RevocationsUnavailable."""
    revoke([of_session(session_id, until=until)])


def revoke_user(user_id: UUID, *, issued_before: datetime, until: datetime) -> None:
    """Let no gateway pass a token that the user was given before a moment.

    Raises RevocationsUnavailable.
    """
    revoke([of_user(user_id, issued_before=issued_before, until=until)])


def revoke_key(kid: str) -> None:
    """Let no gateway pass a token that the key signed; raises RevocationsUnavailable."""
    revoke([of_key(kid)])


def revoke(revocations: Iterable[Revocation]) -> int:
    """Revoke many things; return how many of them were not revoked before.

    What need not be known any more is forgotten by the way. Raises
    RevocationsUnavailable.
    """
    write = _writer(settings.REDIS_URL, settings.REDIS_TIMEOUT)
    waiting, news = iter(revocations), 0
    while True:
        batch = list(islice(waiting, _BATCH))
        try:
            news += int(write(_KEYS, _arguments(batch)))
        except RedisError as error:
            raise RevocationsUnavailable(str(error)) from error
        if len(batch) < _BATCH:
            return news


def is_revoked(claims: AccessClaims) -> bool:
    """Tell whether this process has heard that a token is revoked, a second ago."""
    heard = _heard_at(settings.REDIS_URL)
    heard.watch()
    return heard.include(claims)


def _arguments(revocations: Iterable[Revocation]) -> list[str | float]:
    arguments: list[str | float] = []
    for one in revocations:
        arguments += (one.member, one.until, one.good_since or "")
    return arguments


class Revocations:
    """What is revoked as far as this process has heard, which is each second."""

    def __init__(self, url: str) -> None:
        self._client = _client(url, timeout=_PATIENCE)
        self._look = self._client.register_script(_text("revocation_news"))
        self._known = KnownRevocations()
        self._latest = "0"
        self._watchers: dict[int, Event] = {}

    def watch(self) -> None:
        """Look for news each second, in a thread of this very process."""
        # A fork takes no threads along.
        if os.getpid() not in self._watchers:
            closed = Event()
            if self._watchers.setdefault(os.getpid(), closed) is closed:
                Thread(target=self._watch, args=(closed,), daemon=True).start()

    def include(self, claims: Claims) -> bool:
        """Tell whether a token's session, user or key, or an API key, is revoked."""
        return self._known.include(claims, now=time.time())

    def refresh(self) -> bool:
        """Hear what is new; what Redis itself has forgotten meanwhile is kept."""
        try:
            latest, *news = self._look(keys=_KEYS, args=[self._latest])
        except RedisError:
            return False
        self._known.add(_read(news), now=time.time())
        self._latest = latest
        return True

    def close(self) -> None:
        """Hear no more."""
        for closed in self._watchers.values():
            closed.set()
        if os.getpid() not in self._watchers:
            self._client.close()

    def _watch(self, closed: Event) -> None:
        # Closed by another thread, the connection could be in the middle of a look.
        with self._client:
            self.refresh()
            while not closed.wait(_SECONDS_BETWEEN_LOOKS):
                self.refresh()


def _read(news: list[str]) -> Iterator[Revocation]:
    for member, until, good_since in zip(*[iter(news)] * 3, strict=True):
        # What ended between the two has no moment any more.
        if until:
            since = float(good_since) if good_since else None
            yield Revocation(member, float(until), since)


@lru_cache(maxsize=8)
def _heard_at(url: str) -> Revocations:
    return Revocations(url)


@lru_cache(maxsize=8)
def _writer(url: str, timeout: float) -> Script:
    return _client(url, timeout=timeout).register_script(_text("revoke"))


def _client(url: str, *, timeout: float) -> Redis:
    return Redis.from_url(
        url,
        socket_timeout=timeout,
        socket_connect_timeout=timeout,
        retry=Retry(NoBackoff(), 0),
        decode_responses=True,
    )


def _text(name: str) -> str:
    return Path(__file__).with_name(f"{name}.lua").read_text("utf-8")
