"""Tells a sleeping relay that something was committed; losing a ring costs one poll."""

import logging
from atexit import register
from collections.abc import Callable
from functools import cache
from threading import Event, Lock, Thread
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
    """Lets a thread do something, at most once in a while, and forgets no wish.

    Whoever wishes waits for nothing. Wishes that come while it is done, or too soon
    after, become one.
    """

    def __init__(self, act: Callable[[], None], *, seconds: float) -> None:
        self._act = act
        self._seconds = seconds
        self._wished = Event()
        self._lock = Lock()
        self._thread: Thread | None = None
        register(self._act_at_last)

    def __call__(self) -> None:
        """Wish for it."""
        self._wished.set()
        # A thread does not come through fork().
        if self._thread is None or not self._thread.is_alive():
            self._begin()

    def _begin(self) -> None:
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = Thread(target=self._go_on, daemon=True, name="debounce")
                self._thread.start()

    def _go_on(self) -> None:
        while self._wished.wait():
            self._wished.clear()
            self._act()
            Event().wait(self._seconds)

    def _act_at_last(self) -> None:
        if self._wished.is_set():
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
        """Return when somebody rang, at the latest after so many seconds.

        Whoever rang since the last wait was heard counts, too, and at once.
        """
        pubsub = self._listen()
        if pubsub is None:
            Event().wait(seconds)
            return
        try:
            # The queue is emptied before it is waited for, not while an event waits.
            if not _has_rung(pubsub):
                pubsub.get_message(timeout=seconds)
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


def _has_rung(pubsub: PubSub) -> bool:
    rang = False
    while pubsub.get_message(timeout=0.0) is not None:
        rang = True
    return rang


@cache
def _client() -> Redis:
    return Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=settings.REDIS_TIMEOUT,
        socket_connect_timeout=settings.REDIS_TIMEOUT,
        retry=Retry(NoBackoff(), 0),
    )
