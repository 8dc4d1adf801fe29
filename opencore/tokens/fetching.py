"""Fetches the keys of others in the background: whoever reads a token never waits."""

import logging
import os
import time
from collections.abc import Callable
from threading import Event, Lock, Thread

import urllib3

from opencore.tokens.keys import KeyRing
from opencore.tokens.keysets import keys_of

log = logging.getLogger(__name__)

LARGEST_DOCUMENT = 64 * 1024
TIMEOUT = 2.0
TTL = 300.0
FEWEST_SECONDS_BETWEEN = 30.0
LONGEST_STALE = 24 * 3600.0

Fetch = Callable[[str], bytes]
Start = Callable[[Callable[[], None]], object]


class NotFetched(Exception):
    """The keys could not be fetched; the message says why, to an operator."""


class FetchedKeys:
    """The keys that one URL publishes, renewed every five minutes by a thread.

    While they can't be fetched, the last ones stay good for a day. A key that nobody
    knows makes the thread look again, at most once in half a minute. Nobody waits for
    that: a token of such a key is refused until the key is here, so an issuer has to
    publish a key before it signs with it. A key that is no longer published is
    believed no more as soon as that is seen.
    """

    def __init__(
        self,
        url: str,
        *,
        fetch: Fetch | None = None,
        clock: Callable[[], float] = time.monotonic,
        start: Start | None = None,
    ) -> None:
        self._url, self._fetch, self._clock = url, fetch or fetch_document, clock
        self._start = start or _start_thread
        self._ring = KeyRing([])
        self._document = b""
        self._tried_at = self._fetched_at = float("-inf")
        self._failing = False
        self.begin_anew()

    def begin_anew(self) -> None:
        """Forget thread and locks, which a forked process does not have; keep keys."""
        self._lock, self.wanted, self.tried = Lock(), Event(), Event()
        self._started = False
        self._replace(KeyRing(self._ring.by_name.values()))

    def ring(self) -> KeyRing:
        """Return the keys that are believed now; the first call begins to fetch."""
        if not self._started:
            self._begin()
        return self._ring

    def look_again(self) -> None:
        """Fetch soon, unless that was tried a moment ago; returns at once."""
        if self._clock() - self._tried_at >= FEWEST_SECONDS_BETWEEN:
            self.wanted.set()

    def refresh(self) -> float:
        """Fetch now; return after how many seconds to do so again."""
        self._tried_at = self._clock()
        try:
            document = self._fetch(self._url)
            if document != self._document:
                self._take(document)
        except Exception as error:  # noqa: BLE001 -- a thread that dies renews no keys
            self._fail(error)
            return FEWEST_SECONDS_BETWEEN
        finally:
            self.tried.set()
        self._document, self._fetched_at = document, self._tried_at
        self._failing = False
        return TTL

    def _take(self, document: bytes) -> None:
        keys, left_out = keys_of(document)
        names = sorted(key.key_id for key in keys)
        log.info("keys of tokens changed", extra={"url": self._url, "kids": names})
        if left_out:
            extra = {"url": self._url, "reasons": left_out}
            log.warning("keys of tokens were left out", extra=extra)
        self._replace(KeyRing(keys))

    def _fail(self, error: Exception) -> None:
        if not self._failing:
            extra = {"url": self._url, "reason": str(error)}
            log.warning("keys of tokens were not renewed", extra=extra)
        self._failing = True
        if self._document and self._clock() - self._fetched_at > LONGEST_STALE:
            log.error("keys of tokens are too old", extra={"url": self._url})
            self._document = b""
            self._replace(KeyRing([]))

    def _replace(self, ring: KeyRing) -> None:
        # In this order: what is verified meanwhile is verified with the new ring.
        old, self._ring = self._ring, ring
        old.retired = True

    def _begin(self) -> None:
        with self._lock:
            if not self._started:
                self._started = True
                self._start(self._renew)

    def _renew(self) -> None:
        while True:
            self.wanted.wait(self.refresh())
            self.wanted.clear()


def _start_thread(renew: Callable[[], None]) -> None:
    Thread(target=renew, name="token-keys", daemon=True).start()


def fetch_document(url: str) -> bytes:
    """Return what a URL answers; raises NotFetched, or an error of urllib3.

    It follows no redirects, reads no more than 64 KiB, and takes a few seconds.
    """
    deadline = time.monotonic() + 2 * TIMEOUT
    with urllib3.PoolManager() as pool:
        answer = pool.request(
            "GET",
            url,
            headers={"Accept": "application/json"},
            timeout=TIMEOUT,
            retries=False,
            redirect=False,
            preload_content=False,
            decode_content=False,
        )
        with answer:
            if answer.status != 200:
                raise NotFetched(f"the answer is {answer.status}")
            return _body_of(answer, deadline)


def _body_of(answer: urllib3.BaseHTTPResponse, deadline: float) -> bytes:
    body = b""
    while part := answer.read1(LARGEST_DOCUMENT):
        body += part
        if len(body) > LARGEST_DOCUMENT:
            raise NotFetched("the answer is too long")
        if time.monotonic() > deadline:
            raise NotFetched("the answer is too slow")
    return body


_by_url: dict[str, FetchedKeys] = {}
_lock = Lock()


def fetched_keys(url: str) -> FetchedKeys:
    """Return the keys of a URL; there is one fetcher for each."""
    with _lock:
        if url not in _by_url:
            _by_url[url] = FetchedKeys(url)
        return _by_url[url]


def _begin_anew() -> None:
    global _lock  # noqa: PLW0603 -- a lock that another thread held stays locked
    _lock = Lock()
    for keys in _by_url.values():
        keys.begin_anew()


os.register_at_fork(after_in_child=_begin_anew)
