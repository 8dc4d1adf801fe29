"""Moves waiting events to Kafka, oldest first, one relay per lane."""

import gc
import logging
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic, time
from typing import Any, Protocol

import psycopg
from django.conf import settings

from outbox.backlog import Backlog, WaitingEvent
from outbox.counting import counts
from outbox.failures import Failure, FailureClass
from outbox.leases import LaneLost, Leases

log = logging.getLogger(__name__)

TOPIC_PAUSE = timedelta(seconds=5)


class Outgoing(Protocol):
    """What a publisher needs to know of an event."""

    @property
    def topic(self) -> str:
        """Return the topic."""

    @property
    def key(self) -> str:
        """Return the key within which order matters."""

    @property
    def payload(self) -> bytes:
        """Return the value, byte for byte."""

    def headers(self) -> list[tuple[str, bytes]]:
        """Return the headers."""


class Sending(Protocol):
    """Messages on their way."""

    @property
    def unharmed(self) -> bool:
        """Return whether nothing of it is known to have failed."""

    def wait(self, *, while_waiting: Callable[[], bool]) -> list[Failure | None]:
        """Wait for the answers, and return per message what failed.

        `while_waiting` is called twice a second at least; False gives up on the
        answers. After a failure nothing is on its way any more.
        """


class Publisher(Protocol):
    """What the relay needs of Kafka; tests pass their own."""

    def send(self, messages: Sequence[Outgoing]) -> Sending:
        """Begin to send all in order, behind what is on its way already.

        No later message of a key overtakes one that fails, of this sending or of one
        before it.
        """

    def probe(self) -> bool:
        """Return whether Kafka answers at all."""

    def close(self) -> None:
        """Drop what is not yet sent."""


@dataclass(frozen=True, slots=True)
class Tally:
    """What one batch came to."""

    sent: int = 0
    retried: int = 0
    dead: int = 0
    paused: int = 0
    waiting: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            self.sent + other.sent,
            self.retried + other.retried,
            self.dead + other.dead,
            self.paused + other.paused,
            self.waiting + other.waiting,
        )


@dataclass(frozen=True, slots=True)
class Batch:
    """Events on their way to Kafka."""

    events: Sequence[WaitingEvent]
    sending: Sending


class Relay:
    """One sender, over one connection to PostgreSQL, of the lanes it can lease."""

    def __init__(
        self,
        *,
        connection: "psycopg.Connection[Any]",
        publisher: Publisher,
        name: str,
        going_on: Callable[[], bool] = lambda: True,
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self._publisher = publisher
        self._name = name
        self._going_on = going_on
        self._stopping = stopping
        self._leases = Leases(connection, owner=name)
        self._backlog = Backlog(connection, self._leases)
        self._on_their_way: deque[Batch] = deque()
        self._renewed_at = float("-inf")

    @property
    def lanes(self) -> list[int]:
        """Return the lanes this relay holds."""
        return self._leases.lanes

    def take_lanes(self) -> bool:
        """Take the lanes that are free, prolong those held; return whether any is."""
        taken = self._leases.acquire()
        if taken:
            log.info("lanes taken", extra={"relay": self._name, "lanes": len(taken)})
        self._keep_lanes()
        return bool(self._leases.epochs)

    def relay_batch(self) -> Tally:
        """Send what is due and record each outcome. Raises LaneLost; then stop.

        While Kafka answers for a full batch the next one is read and sent behind it,
        and one more while PostgreSQL records the first. No transaction waits for Kafka
        and no row is locked meanwhile.
        """
        with _uncollected():
            if not self._on_their_way:
                self._send(self._backlog.due())
            if len(self._on_their_way) == 1 and self._may_send_more():
                self._send(self._backlog.due(besides=self._unrecorded()))
            if not self._on_their_way:
                return Tally()
            return self._end(self._on_their_way.popleft())

    def finish(self) -> Tally:
        """Record what is still on its way, and send no more. Raises LaneLost."""
        self._stopping = lambda: True
        tally = Tally()
        while self._on_their_way:
            tally += self._end(self._on_their_way.popleft())
        return tally

    def give_back_lanes(self) -> None:
        """Let another relay take over at once."""
        self._leases.release()

    def _may_send_more(self) -> bool:
        """Return whether more is due and may be sent behind what is on its way."""
        return (
            not self._backlog.exhausted
            and not self._stopping()
            and all(batch.sending.unharmed for batch in self._on_their_way)
        )

    def _unrecorded(self) -> list[WaitingEvent]:
        return [event for batch in self._on_their_way for event in batch.events]

    def _send(self, events: Sequence[WaitingEvent]) -> None:
        if events:
            self._on_their_way.append(Batch(events, self._publisher.send(events)))

    def _end(self, batch: Batch) -> Tally:
        outcomes = batch.sending.wait(while_waiting=self._while_waiting)
        if any(outcome is not None for outcome in outcomes):
            self._backlog.read_anew()
            tally = self._record_broken_off(batch, outcomes)
            return tally + self._settle(batch, outcomes)
        behind: Sequence[WaitingEvent] = ()
        if self._may_send_more():
            behind = self._backlog.due(besides=[*batch.events, *self._unrecorded()])
        return self._record(batch.events, meanwhile=lambda: self._send(behind))

    def _record_broken_off(
        self, batch: Batch, outcomes: Sequence[Failure | None]
    ) -> Tally:
        """Record what did arrive, also of batches behind, which are then read anew."""
        events, answers = list(batch.events), list(outcomes)
        while self._on_their_way:
            behind = self._on_their_way.popleft()
            events += behind.events
            answers += behind.sending.wait(while_waiting=self._while_waiting)
        return self._record(_in_order(events, answers))

    def _record(
        self,
        delivered: Sequence[WaitingEvent],
        *,
        meanwhile: Callable[[], None] = lambda: None,
    ) -> Tally:
        if not delivered:
            return Tally()
        self._backlog.mark_delivered(delivered, meanwhile=meanwhile)
        _count_delivered(delivered)
        return Tally(sent=len(delivered))

    def _settle(self, batch: Batch, outcomes: Sequence[Failure | None]) -> Tally:
        delivered = set(_in_order(batch.events, outcomes))
        left = [event for event in batch.events if event not in delivered]
        failures = dict(zip(batch.events, outcomes, strict=True))
        tally = Tally()
        if any(_is_suspect(outcome) for outcome in outcomes):
            # Kafka fails a whole batch for one message. Alone, each speaks for itself.
            failures = dict(zip(left, self._publish_one_by_one(left), strict=True))
            tally = self._record([event for event in left if failures[event] is None])
        return tally + self._record_failures(
            {
                event: failure
                for event in left
                if (failure := failures[event]) is not None
            }
        )

    def _publish_one_by_one(
        self, events: Sequence[WaitingEvent]
    ) -> list[Failure | None]:
        outcomes: list[Failure | None] = []
        failures: dict[tuple[str, str], Failure] = {}
        for event in events:
            place = (event.topic, event.key)
            if place in failures:
                outcome: Failure | None = _behind(failures[place])
            else:
                alone = self._publisher.send([event])
                (outcome,) = alone.wait(while_waiting=self._while_waiting)
            if outcome is not None:
                failures[place] = outcome
            outcomes.append(outcome)
        return outcomes

    def _record_failures(self, failed: dict[WaitingEvent, Failure]) -> Tally:
        counted: Counter[str] = Counter()
        refused: dict[str, Failure] = {}
        for event, failure in failed.items():
            if failure.kind is FailureClass.EVENT:
                dead = self._backlog.record_failure(event, failure, self._name)
                counted["dead" if dead else "retried"] += 1
                counts.add(
                    "outbox_attempts_total", outcome="dead" if dead else "retried"
                )
                _log_failure(event, failure, dead=dead)
            elif failure.kind is FailureClass.TOPIC:
                refused[event.topic] = failure
                counted["paused"] += 1
            elif failure.kind is FailureClass.CLUSTER:
                counted["waiting"] += 1
        for topic, failure in refused.items():
            self._backlog.pause_topic(topic, failure, TOPIC_PAUSE)
            log.error("topic paused", extra={"topic": topic, "error": failure.message})
        return Tally(**counted)

    def _while_waiting(self) -> bool:
        self._keep_lanes()
        return self._going_on()

    def _keep_lanes(self) -> None:
        third = settings.OUTBOX_LEASE.total_seconds() / 3
        if self._leases.epochs and monotonic() - self._renewed_at > third:
            self._leases.renew()
            self._renewed_at = monotonic()


@contextmanager
def _uncollected() -> Iterator[None]:
    """Let the block make thousands of objects without a look for garbage at each.

    Rows and messages refer to each other in no circle; looks for such, through all
    that the process has, took a quarter of the relay's time.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _in_order(
    events: Sequence[WaitingEvent], outcomes: Sequence[Failure | None]
) -> list[WaitingEvent]:
    """Return what was delivered, without what overtook an earlier event of its key."""
    broken: set[tuple[str, str]] = set()
    delivered = []
    for event, outcome in zip(events, outcomes, strict=True):
        place = (event.topic, event.key)
        if outcome is not None:
            broken.add(place)
        elif place not in broken:
            delivered.append(event)
    return delivered


def _is_suspect(outcome: Failure | None) -> bool:
    return outcome is not None and outcome.kind is FailureClass.SUSPECT


def _behind(failure: Failure) -> Failure:
    return Failure(FailureClass.BEHIND, None, f"Waits behind: {failure.message}")


def _count_delivered(events: Sequence[WaitingEvent]) -> None:
    now = time()
    counts.add("outbox_published_total", len(events))
    counts.observe_latencies(now - event.created_at for event in events)


def _log_failure(event: WaitingEvent, failure: Failure, *, dead: bool) -> None:
    log.log(
        logging.ERROR if dead else logging.WARNING,
        "event given up" if dead else "event postponed",
        extra={
            "type": event.type,
            "event_id": event.event_id,
            "attempts": event.attempts + 1,
            "error": failure.message,
        },
    )


__all__ = ("LaneLost", "Outgoing", "Publisher", "Relay", "Sending", "Tally")
