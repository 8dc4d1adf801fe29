"""What the doorbell promises: waking soon, costing little, and never being needed."""

import multiprocessing
import socket
from collections.abc import Iterator
from threading import Event, Thread
from time import monotonic

import pytest
from django.conf import settings
from django.test import override_settings
from redis import Redis

from outbox import doorbell
from outbox.doorbell import Debounce, Doorbell, ring

LONG = 3600.0
SOON = 0.02
PATIENCE = 30.0


class Wishes:
    """Counts what was done, and lets a test wait for it."""

    def __init__(self) -> None:
        self.done = 0
        self._changed = Event()

    def act(self) -> None:
        self.done += 1
        self._changed.set()

    def wait_for(self, count: int) -> None:
        give_up = monotonic() + PATIENCE
        while self.done < count:
            assert monotonic() < give_up
            self._changed.wait(0.1)
            self._changed.clear()


@pytest.fixture
def fresh_client() -> Iterator[None]:
    """Let the doorbell make its client anew, before the test and after it."""
    doorbell._client.cache_clear()
    doorbell._breaker._closed_at = 0.0
    yield
    doorbell._client.cache_clear()
    doorbell._breaker._closed_at = 0.0


def test_a_wish_is_fulfilled() -> None:
    wishes = Wishes()

    Debounce(wishes.act, seconds=LONG)()

    wishes.wait_for(1)


def test_wishes_of_many_threads_that_come_too_soon_become_one_more() -> None:
    wishes = Wishes()
    debounced = Debounce(wishes.act, seconds=LONG)
    debounced()
    wishes.wait_for(1)
    threads = [Thread(target=debounced) for _ in range(16)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)

    assert wishes.done == 1
    assert debounced._wished.is_set()


def test_a_wish_that_comes_too_soon_is_fulfilled_later() -> None:
    wishes = Wishes()
    debounced = Debounce(wishes.act, seconds=SOON)

    debounced()
    wishes.wait_for(1)
    debounced()

    wishes.wait_for(2)


def test_whoever_wishes_does_not_wait_for_what_is_done() -> None:
    begun, may_end = Event(), Event()

    def last() -> None:
        begun.set()
        may_end.wait(PATIENCE)

    debounced = Debounce(last, seconds=SOON)
    debounced()
    assert begun.wait(PATIENCE)

    debounced()

    assert not may_end.is_set()
    may_end.set()


def test_a_process_that_ends_fulfills_the_last_wish() -> None:
    wishes = Wishes()
    debounced = Debounce(wishes.act, seconds=LONG)
    debounced()
    wishes.wait_for(1)
    debounced()

    debounced._act_at_last()

    assert wishes.done == 2


def test_a_wish_after_a_fork_is_fulfilled_in_the_child() -> None:
    wishes = Wishes()
    debounced = Debounce(wishes.act, seconds=SOON)
    debounced()
    wishes.wait_for(1)

    child = multiprocessing.get_context("fork").Process(
        target=wish_and_wait, args=(debounced, wishes)
    )
    child.start()
    child.join(PATIENCE)

    assert child.exitcode == 0


def wish_and_wait(debounced: Debounce, wishes: Wishes) -> None:
    debounced()
    wishes.wait_for(2)


def test_a_ring_ends_a_wait_long_before_its_time(fresh_client: None) -> None:
    bell, woken = Doorbell(), Event()
    bell.wait(0.01)

    def sleep() -> None:
        bell.wait(LONG)
        woken.set()

    Thread(target=sleep, daemon=True).start()
    ring_until(woken)

    bell.close()


def test_who_rang_before_a_wait_is_heard_by_it_all_at_once(
    fresh_client: None,
) -> None:
    bell = Doorbell()
    bell.wait(LONG)
    for _ in range(3):
        doorbell._ring()

    # When Redis answers this, it has passed on what it was told before.
    doorbell._client().ping()

    bell.wait(LONG)
    began = monotonic()
    bell.wait(0.3)

    assert monotonic() - began >= 0.29
    bell.close()


@pytest.mark.parametrize(
    "address",
    [
        pytest.param("redis://127.0.0.1:1/0", id="refused"),
        pytest.param("unix:///nowhere/redis.sock", id="no such socket"),
    ],
)
def test_without_redis_a_ring_is_silent_and_a_wait_is_a_pause(
    fresh_client: None, address: str
) -> None:
    with override_settings(REDIS_URL=address):
        bell = Doorbell()

        ring()
        doorbell._ring()
        bell.wait(0.01)

    assert not doorbell._breaker.allows()
    assert bell._pubsub is None


def test_a_redis_that_hangs_is_asked_once_and_then_left_alone(
    fresh_client: None,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as hung:
        port = hung.getsockname()[1]
        with override_settings(REDIS_URL=f"redis://127.0.0.1:{port}/0"):
            for _ in range(20):
                doorbell._ring()
        hung.settimeout(0)
        hung.accept()[0].close()
        with pytest.raises(BlockingIOError):
            hung.accept()


def test_a_ring_is_heard_by_whoever_listens(fresh_client: None) -> None:
    listener = Redis.from_url(settings.REDIS_URL).pubsub()  # type: ignore[no-untyped-call]  # -- redis-py's stub
    listener.subscribe(doorbell.CHANNEL)
    assert listener.get_message(timeout=PATIENCE)["type"] == "subscribe"

    doorbell._ring()

    assert listener.get_message(timeout=PATIENCE)["type"] == "message"
    listener.close()


def ring_until(woken: Event) -> None:
    """Ring until it is heard; a bell that begins to listen late misses the first."""
    give_up = monotonic() + PATIENCE
    while not woken.wait(0.05):
        assert monotonic() < give_up
        ring()
