"""Tells gateways at once what is revoked, and lets a gateway remember it.

Redis holds what is revoked, and the gateways ask it with each request. What a gateway
heard of counts for it while Redis is away.
"""

import logging
import math
import os
import time
from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from threading import Event, Thread
from uuid import UUID

from django.conf import settings
from redis import Redis
from redis.backoff import NoBackoff
from redis.commands.core import Script
from redis.exceptions import RedisError
from redis.retry import Retry

from opencore.claims import AccessClaims
from opencore.revoked import (
    GOOD_SINCE,
    NEWS,
    REVOKED,
    KnownRevocations,
    Revocation,
    key_member,
    session_member,
    user_member,
)

log = logging.getLogger(__name__)

_KEYS = (REVOKED, GOOD_SINCE, NEWS)
_SECONDS_BETWEEN_LOOKS = 1.0
# Nobody waits for the watcher's own looks.
_PATIENCE = 1.0


class RevocationsUnavailable(Exception):
    """Redis could not be told."""


def revoke_session(session_id: UUID, *, until: datetime) -> None:
    """Let no gateway pass a token of the session; raises RevocationsUnavailable."""
    revoke([Revocation(session_member(session_id), until.timestamp())])


def revoke_user(user_id: UUID, *, issued_before: datetime, until: datetime) -> None:
    """Let no gateway pass a token that the user was given before a moment.

    Tokens tell whole seconds, so those of the moment's own second are bad, too.
    """
    revoke([of_user(user_id, issued_before=issued_before, until=until)])


def revoke_key(kid: str) -> None:
    """Let no gateway pass a token that the key signed, from now on."""
    revoke([Revocation(key_member(kid), math.inf)])


def of_user(user_id: UUID, *, issued_before: datetime, until: datetime) -> Revocation:
    """Return the revocation of a user's tokens from before a moment."""
    good_since = math.floor(issued_before.timestamp()) + 1
    return Revocation(user_member(user_id), until.timestamp(), good_since)


def revoke(revocations: Iterable[Revocation]) -> int:
    """Revoke many things; return how many of them were not revoked before."""
    arguments: list[str | float] = []
    for one in revocations:
        arguments += (one.member, one.until, one.good_since or "")
    write = _writer(settings.REDIS_URL, settings.REDIS_TIMEOUT)
    try:
        return int(write(_KEYS, arguments))
    except RedisError as error:
        raise RevocationsUnavailable(str(error)) from error


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

    def include(self, claims: AccessClaims) -> bool:
        """Tell whether a token's session, user or key is known to be revoked."""
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
        self._client.close()

    def _watch(self, closed: Event) -> None:
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
