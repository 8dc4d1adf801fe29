"""Writers that change the same few things at once, relays that tell of it, a judge."""

import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Event, Lock
from time import monotonic
from uuid import UUID

from django.db import connection, connections, transaction

from tests.outbox.ordering.aggregates import KEYS, Change

WRITERS = 12
LONGEST_THOUGHT = 0.006
LONGEST_ANSWER = 0.003
# Few enough that a broken design is caught soon, enough that writers meet.
ROUND = 360
PATIENCE = 30.0
# As many of a hundred transactions as are taken back.
REGRETTED = 3


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of the events, by what the writers know of themselves."""

    written: int
    delivered: int
    lost: int
    reordered: int

    @property
    def faults(self) -> set[str]:
        found = {"lost": self.lost, "reordered": self.reordered}
        return {name for name, count in found.items() if count}


@dataclass
class Broker:
    """Keeps what it is sent, in that order, and takes its time to answer."""

    log: list[UUID] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)

    def send(self, event_ids: Sequence[UUID]) -> None:
        think(LONGEST_ANSWER)
        with self._lock:
            self.log.extend(event_ids)


class Relaying(ABC):
    """One relay of a design."""

    @abstractmethod
    def step(self) -> int:
        """Send what there is to send, and return how much it was."""

    @abstractmethod
    def close(self) -> None:
        """Let go of what is held."""


@dataclass(frozen=True)
class Design:
    """A way to get events out of a table: how they are written, and how read."""

    name: str
    relays: int
    emit: Callable[[str], UUID]
    relay: Callable[[Broker], Relaying]


# In which order a transaction emits, thinks and locks what it changes.
Deed = Callable[[Change, Callable[[str], UUID]], None]


class TakenBack(Exception):
    """The writer thought better of it."""


class Lab:
    """A design at work, with the truth kept beside it."""

    def __init__(self, design: Design, deed: Deed) -> None:
        self._design = design
        self._deed = deed
        self._broker = Broker()
        self._relays = [design.relay(self._broker) for _ in range(design.relays)]
        self._truth: dict[UUID, tuple[str, int]] = {}

    def run(self, transactions: int) -> Verdict:
        """Let so many transactions be written and relayed, and judge when all is quiet."""
        over = Event()
        with ThreadPoolExecutor(WRITERS + len(self._relays)) as threads:
            relaying = [
                threads.submit(self._relay, each, over) for each in self._relays
            ]
            shares = [range(first, transactions, WRITERS) for first in range(WRITERS)]
            writing = [threads.submit(self._write, share) for share in shares]
            try:
                for writer in writing:
                    writer.result()
            finally:
                over.set()
            for relay in relaying:
                relay.result()
        while any(relay.step() for relay in self._relays):
            pass
        return self._judge()

    def run_until_caught(self, fault: str) -> Verdict:
        """Go on until it shows, or patience ends."""
        deadline = monotonic() + PATIENCE
        verdict = self.run(ROUND)
        while fault not in verdict.faults and monotonic() < deadline:
            verdict = self.run(ROUND)
        return verdict

    def close(self) -> None:
        for relay in self._relays:
            relay.close()

    def _relay(self, relay: Relaying, over: Event) -> None:
        while not over.is_set():
            if not relay.step():
                over.wait(0.001)

    def _write(self, numbers: range) -> None:
        try:
            _connect_beside_the_pool()
            for number in numbers:
                with suppress(TakenBack):
                    self._transact(number)
        finally:
            connections.close_all()

    def _transact(self, number: int) -> None:
        change = Change(random.choice(KEYS))  # noqa: S311 -- not a secret
        with transaction.atomic():
            if number % 2:
                _note()
            self._deed(change, self._design.emit)
            if number % 100 < REGRETTED:
                raise TakenBack
        self._truth[change.event_id] = (change.key, change.version)

    def _judge(self) -> Verdict:
        first_seen = list(dict.fromkeys(self._broker.log))
        newest = dict.fromkeys(KEYS, 0)
        reordered = 0
        for event_id in first_seen:
            key, version = self._truth[event_id]
            reordered += version < newest[key]
            newest[key] = max(newest[key], version)
        return Verdict(
            written=len(self._truth),
            delivered=len(first_seen),
            lost=len(self._truth.keys() - first_seen),
            reordered=reordered,
        )


def think(longest: float) -> None:
    """Let others go first, for a while."""
    Event().wait(random.uniform(0, longest))  # noqa: S311 -- not a secret


def lock_then_emit(change: Change, emit: Callable[[str], UUID]) -> None:
    change.lock()
    change.event_id = emit(change.key)
    think(LONGEST_THOUGHT)


def emit_then_lock(change: Change, emit: Callable[[str], UUID]) -> None:
    change.event_id = emit(change.key)
    think(LONGEST_THOUGHT)
    change.lock()


def emit_and_lock_at_the_commit(change: Change, emit: Callable[[str], UUID]) -> None:
    change.event_id = emit(change.key)
    change.lock_before_commit(after=lambda: think(LONGEST_THOUGHT))


def _note() -> None:
    """Write something else first, so that the transaction gets its number early."""
    with connection.cursor() as cursor:
        cursor.execute("insert into lab_note default values")


def _connect_beside_the_pool() -> None:
    database = connections["default"]
    options = {**database.settings_dict["OPTIONS"], "pool": None}
    database.settings_dict = {**database.settings_dict, "OPTIONS": options}
    database.ensure_connection()
