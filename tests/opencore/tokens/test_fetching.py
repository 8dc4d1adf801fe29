"""Keys of others are renewed in the background, and nobody waits for it."""

import logging
import sys
from collections.abc import Callable, Iterator
from multiprocessing import get_context

import pytest

from opencore.tokens import fetching
from opencore.tokens.fetching import (
    FetchedKeys,
    NotFetched,
    fetch_document,
)
from tests.opencore.tokens.forging import jwk
from tests.opencore.tokens.publisher import Published, Server, serving

DAY = 24 * 3600


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Starter:
    """Begins what runs in the background by counting it."""

    def __init__(self) -> None:
        self.started = 0

    def __call__(self, renew: Callable[[], None]) -> None:
        self.started += 1


@pytest.fixture
def published() -> Published:
    return Published(jwk("ES256"))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def starter() -> Starter:
    return Starter()


@pytest.fixture
def keys(published: Published, clock: Clock, starter: Starter) -> FetchedKeys:
    return FetchedKeys("https://x/keys", fetch=published, clock=clock, start=starter)


@pytest.fixture
def server(published: Published) -> Iterator[Server]:
    with serving(published) as server:
        yield server


def names(keys: FetchedKeys) -> set[object]:
    return set(keys.ring().by_name)


def test_nobody_waits_for_the_first_keys(
    keys: FetchedKeys, published: Published, starter: Starter
) -> None:
    found = names(keys) | names(keys)

    assert found == set()
    assert (starter.started, published.asked) == (1, 0)


def test_what_was_fetched_is_believed(keys: FetchedKeys) -> None:
    assert keys.refresh() == 300

    assert names(keys) == {"ES256-1"}


def test_a_key_that_is_published_no_more_is_believed_no_more(
    keys: FetchedKeys, published: Published
) -> None:
    keys.refresh()
    before = keys.ring()
    published.keys = [jwk("EdDSA")]

    keys.refresh()

    assert names(keys) == {"EdDSA-1"}
    assert before.retired


def test_an_empty_set_takes_all_keys_back(
    keys: FetchedKeys, published: Published
) -> None:
    keys.refresh()
    published.keys = []

    keys.refresh()

    assert names(keys) == set()


def test_the_same_keys_stay_in_the_same_ring(keys: FetchedKeys) -> None:
    keys.refresh()
    before = keys.ring()

    keys.refresh()

    assert keys.ring() is before
    assert not before.retired


def test_the_last_keys_stay_good_for_a_day_while_there_is_an_error(
    keys: FetchedKeys, published: Published, clock: Clock
) -> None:
    keys.refresh()
    before = keys.ring()
    published.up = False

    clock.now += DAY

    assert keys.refresh() == 30
    assert keys.ring() is before
    assert not before.retired


def test_keys_that_are_too_old_are_believed_no_more(
    keys: FetchedKeys, published: Published, clock: Clock
) -> None:
    keys.refresh()
    before = keys.ring()
    published.up = False

    clock.now += DAY + 1
    keys.refresh()

    assert names(keys) == set()
    assert before.retired


def test_keys_that_were_too_old_come_back(
    keys: FetchedKeys, published: Published, clock: Clock
) -> None:
    keys.refresh()
    published.up = False
    clock.now += DAY + 1
    keys.refresh()
    published.up = True

    keys.refresh()

    assert names(keys) == {"ES256-1"}


@pytest.mark.parametrize(
    "document",
    [
        *(b"", b"{", b"[]", b"7", b"{}", b'{"keys": {}}', b'{"keys": 7}', b"\xff"),
        b"[" * 60_000,
    ],
    ids=lambda document: repr(document[:20]),
)
def test_a_document_that_is_no_key_set_is_an_error(
    document: bytes, clock: Clock, starter: Starter
) -> None:
    answers = [document, Published(jwk("ES256")).document]
    keys = FetchedKeys(
        "https://x/keys", fetch=lambda _: answers.pop(), clock=clock, start=starter
    )
    keys.refresh()

    assert keys.refresh() == 30
    assert names(keys) == {"ES256-1"}


def test_an_error_is_told_once_until_it_is_over(
    keys: FetchedKeys, published: Published, caplog: pytest.LogCaptureFixture
) -> None:
    keys.refresh()
    published.up = False
    keys.refresh()
    keys.refresh()
    published.up = True
    keys.refresh()
    published.up = False
    keys.refresh()

    assert told(caplog) == ["keys of tokens were not renewed"] * 2


def test_keys_that_are_too_old_are_told_once(
    keys: FetchedKeys,
    published: Published,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    keys.refresh()
    published.up = False
    clock.now += DAY + 1

    keys.refresh()
    keys.refresh()

    assert told(caplog) == [
        "keys of tokens were not renewed",
        "keys of tokens are too old",
    ]


def test_keys_that_are_left_out_are_told_when_they_come(
    keys: FetchedKeys, published: Published, caplog: pytest.LogCaptureFixture
) -> None:
    published.keys.append({"kty": "oct", "k": "AAAA", "kid": "s"})

    keys.refresh()
    keys.refresh()

    assert told(caplog) == ["keys of tokens were left out"]


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [
        record.message for record in caplog.records if record.levelno >= logging.WARNING
    ]


def test_an_unknown_key_is_looked_for_once_in_half_a_minute(
    keys: FetchedKeys, clock: Clock
) -> None:
    keys.refresh()

    clock.now += 29
    keys.look_again()
    early = keys.wanted.is_set()
    clock.now += 1
    keys.look_again()

    assert (early, keys.wanted.is_set()) == (False, True)


def test_an_unknown_key_is_looked_for_no_oftener_while_there_is_an_error(
    keys: FetchedKeys, published: Published, clock: Clock
) -> None:
    published.up = False
    keys.refresh()

    clock.now += 29
    keys.look_again()

    assert not keys.wanted.is_set()


def test_the_thread_looks_again_when_it_is_asked_to(
    published: Published, clock: Clock
) -> None:
    keys = FetchedKeys("https://x/keys", fetch=published, clock=clock)
    keys.ring()
    assert keys.tried.wait(60)
    clock.now += 30

    keys.look_again()

    assert published.asked_again.wait(60)


def test_a_forked_process_begins_anew_with_the_keys_that_are_known(
    keys: FetchedKeys, starter: Starter
) -> None:
    keys.refresh()
    before = keys.ring()

    keys.begin_anew()

    assert before.retired
    assert names(keys) == {"ES256-1"}
    assert starter.started == 2


def test_a_process_that_was_forked_fetches_for_itself(
    published: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = FetchedKeys("https://x/keys", fetch=published)
    monkeypatch.setitem(fetching._by_url, "https://x/keys", keys)
    keys.ring()
    assert keys.tried.wait(60)

    child = get_context("fork").Process(target=fetch_in_child, args=(keys,))
    child.start()
    child.join(60)

    assert child.exitcode == 0


def fetch_in_child(keys: FetchedKeys) -> None:
    keys.ring()
    sys.exit(0 if keys.tried.wait(60) else 1)


def test_a_document_is_fetched(server: Server, published: Published) -> None:
    assert fetch_document(server.url()) == published.document


@pytest.mark.parametrize(
    ("path", "said"),
    [("/gone", "404"), ("/moved", "302"), ("/long", "too long"), ("/slow", "too slow")],
)
def test_an_answer_that_is_no_good_is_refused(
    path: str, said: str, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "TIMEOUT", 0.3)

    with pytest.raises(NotFetched, match=said):
        fetch_document(server.url(path))

    assert server.paths == [path]


def test_a_server_that_says_nothing_is_given_up(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "TIMEOUT", 0.2)
    keys = FetchedKeys(server.url("/silent"), start=Starter())

    assert keys.refresh() == 30
    assert keys.tried.is_set()
