"""Gives every request the route table, and each second looks for a newer one.

A thread of each process asks Redis which version hangs there. At its start it takes
what Redis has, else what PostgreSQL has, else what was kept on disk, else the table of
the settings. What it can't read is refused with a line in the log; the last table that
was good stays.
"""

import logging
import os
import socket
from collections.abc import Callable
from functools import partial
from threading import Event, Lock, Thread
from time import monotonic
from typing import cast

from django.conf import settings

from gateway_proxy.board import Board
from gateway_proxy.core.sight import Sight
from gateway_proxy.core.table import RouteTable
from gateway_proxy.keeping import TableFile
from gateway_proxy.sources import Sources

log = logging.getLogger(__name__)

LOOK_AGAIN = 1.0
# How long the very first request waits for Redis and PostgreSQL to say something.
PATIENCE = 3.0

Callback = Callable[[], None]


class Watcher:
    """The table of this process, and the thread that looks after it."""

    def __init__(
        self, open_sources: Callable[[], Sources], *, pause: float = LOOK_AGAIN
    ) -> None:
        self._open_sources = open_sources
        self._pause = pause
        self._callbacks: list[Callback] = []
        self.table: RouteTable | None = None
        self._deaf_since: float | None = None
        self.forget_thread()

    def forget_thread(self) -> None:
        """Let the next one who asks begin a thread."""
        self.running = False
        self._lock = Lock()
        self._first = Event()
        self._stopped = Event()
        self._thread: Thread | None = None

    def begin(self) -> RouteTable:
        """Begin to watch, and return the first table there is, within PATIENCE."""
        self._start()
        if self.table is None and not self._first.wait(PATIENCE):
            with self._lock, self._open_sources() as sources:
                if not self._first.is_set():
                    self.table = sources.without_asking()
        return cast("RouteTable", self.table)

    def watch(self, callback: Callback) -> None:
        """Call it each second from now on, in the thread that watches."""
        self._callbacks.append(callback)

    def stale_seconds(self) -> float:
        """Return for how long Redis did not say whether there is a newer table."""
        since = self._deaf_since
        return 0.0 if since is None else monotonic() - since

    def stop(self) -> None:
        """End the thread and forget the table."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join()
        self.table = None
        self.forget_thread()

    def _start(self) -> None:
        with self._lock:
            if self.running:
                return
            self._thread = Thread(target=self._watch, name="gateway-table", daemon=True)
            self._thread.start()
            self.running = True

    def _watch(self) -> None:
        with self._open_sources() as sources:
            if self.table is None:
                found = _first_of(sources)
                with self._lock:
                    self.table = found
                    self._first.set()
            while not self._stopped.is_set():
                _call(partial(self._look, sources))
                for callback in tuple(self._callbacks):
                    _call(callback)
                self._stopped.wait(self._pause)

    def _look(self, sources: Sources) -> None:
        table = cast("RouteTable", self.table)
        self.table = sources.newer(table)
        sources.sign(_process(), self.table)
        if sources.reachable:
            self._deaf_since = None
        elif self._deaf_since is None:
            self._deaf_since = monotonic()


def current_table() -> RouteTable:
    """Return the table to serve a request by; only a process's first one may wait."""
    watcher = _watcher
    table = watcher.table
    if table is None or not watcher.running:
        return watcher.begin()
    return table


def tell(sight: Sight) -> None:
    """Tell each second which table is in use, and how old the last look is."""

    def told() -> None:
        version = _watcher.table.version if _watcher.table else 0
        sight.table_seen(version, stale_seconds=stale_seconds())

    _watcher.watch(told)


def begin() -> None:
    """Begin to watch before the first request."""
    _watcher.begin()


def stale_seconds() -> float:
    """Return for how long nobody said whether there is a newer table."""
    return _watcher.stale_seconds()


def watch(callback: Callback) -> None:
    """Call it each second, in the thread that watches the table of this process."""
    _watcher.watch(callback)


def begin_anew() -> None:
    """Forget the table and its thread, as if this process had just begun."""
    _watcher.stop()


def sources_of_settings() -> Sources:
    """Return where this deployment's tables come from."""
    return Sources(Board.of_settings(), TableFile(settings.GATEWAY_TABLE_FILE))


def _process() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"


def _first_of(sources: Sources) -> RouteTable:
    try:
        return sources.first()
    except Exception:
        log.exception("gateway's watcher began without asking")
        return sources.without_asking()


def _call(callback: Callback) -> None:
    try:
        callback()
    except Exception:
        log.exception("gateway's watcher failed, and goes on")


_watcher = Watcher(sources_of_settings)
# A thread does not come through fork(); the table does.
os.register_at_fork(after_in_child=_watcher.forget_thread)
