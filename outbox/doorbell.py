"""Tells a sleeping relay that something was committed; losing a ring costs one poll."""

import logging
from collections.abc import Callable
from functools import cache
from threading import Event, Lock, Timer
from time import monotonic

from django.conf import settings
from redis import Redis
from redis.backoff import NoBackoff
from redis.client import PubSub
from redis.exceptions import RedisError
from redis.retry import Retry

log = logging.getLogger(__name__)

CHANNEL = "opencore:outbox:doorbell"
QUIET_SECONDS = 1.0
DEBOUNCE_SECONDS = 0.005


class _Breaker:
    """Remembers that Redis failed, so that not every request pays for it."""

    def __init__(self) -> None:
        self._closed_at = 0.0

    def allows(self) -> bool:
        return monotonic() >= self._closed_at

    def trip(self) -> None:
        self._closed_at = monotonic() + QUIET_SECONDS


_breaker = _Breaker()


class Debounce:
    """Does something at most once in a while, and never forgets the last wish.

    The first wish is fulfilled at once. Those that follow too soon become one, which a
    thread fulfills when the time is over.
    """

    def __init__(self, act: Callable[[], None], *, seconds: float) -> None:
        self._act = act
        self._seconds = seconds
        self._lock = Lock()
        self._acted_at = float("-inf")
        self._late: Timer | None = None

    def __call__(self) -> None:
        """Act, now or soon."""
        if self._may_act():
            self._act()

    def _may_act(self) -> bool:
        with self._lock:
            # One that came through fork() is not alive and will never act.
            if self._late is not None and self._late.is_alive():
                return False
            wait = self._acted_at + self._seconds - monotonic()
            if wait <= 0:
                self._acted_at = monotonic()
                return True
            self._late = Timer(wait, self._act_late)
            self._late.daemon = True
            self._late.start()
            return False

    def _act_late(self) -> None:
        with self._lock:
            self._late = None
            self._acted_at = monotonic()
        self._act()


def _ring() -> None:
    if not _breaker.allows():
        return
    try:
        _client().publish(CHANNEL, b"")
    except RedisError as error:
        _breaker.trip()
        log.debug("doorbell unheard", extra={"error": str(error)})


_debounced_ring = Debounce(_ring, seconds=DEBOUNCE_SECONDS)


def ring() -> None:
    """Wake the relays, or give up quickly: they look by themselves in any case."""
    _debounced_ring()


class Doorbell:
    """A relay's ear; without Redis it is just a pause."""

    def __init__(self) -> None:
        self._pubsub: PubSub | None = None
        self._breaker = _Breaker()

    def wait(self, seconds: float) -> None:
        """Return when somebody rang, at the latest after so many seconds."""
        pubsub = self._listen()
        if pubsub is None:
            Event().wait(seconds)
            return
        try:
            while pubsub.get_message(timeout=seconds) is not None:
                seconds = 0.0
        except RedisError:
            self.close()
            self._breaker.trip()

    def close(self) -> None:
        """Stop listening."""
        pubsub, self._pubsub = self._pubsub, None
        if pubsub is not None:
            pubsub.close()

    def _listen(self) -> PubSub | None:
        if self._pubsub is None and self._breaker.allows():
            pubsub: PubSub = _client().pubsub()  # type: ignore[no-untyped-call]  # -- redis-py's stub
            try:
                pubsub.subscribe(CHANNEL)
            except RedisError:
                self._breaker.trip()
            else:
                self._pubsub = pubsub
        return self._pubsub


@cache
def _client() -> Redis:
    return Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=settings.REDIS_TIMEOUT,
        socket_connect_timeout=settings.REDIS_TIMEOUT,
        retry=Retry(NoBackoff(), 0),
    )
