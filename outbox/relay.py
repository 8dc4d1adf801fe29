"""Moves waiting events to Kafka, oldest first, one relay per lane."""

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import monotonic
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


class Publisher(Protocol):
    """What the relay needs of Kafka; tests pass their own."""

    def publish(
        self, messages: Sequence[Outgoing], *, while_waiting: Callable[[], bool]
    ) -> list[Failure | None]:
        """Send all in order, wait for the answers, and return per message what failed.

        `while_waiting` is called about twice a second; False gives up on the answers.
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


class Relay:
    """One sender, over one connection to PostgreSQL, of the lanes it can lease."""

    def __init__(
        self,
        *,
        connection: "psycopg.Connection[Any]",
        publisher: Publisher,
        name: str,
        going_on: Callable[[], bool] = lambda: True,
    ) -> None:
        self._publisher = publisher
        self._name = name
        self._going_on = going_on
        self._leases = Leases(connection, owner=name)
        self._backlog = Backlog(connection, self._leases)
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

        No transaction is open and no row is locked while Kafka is being talked to.
        """
        events = self._backlog.due()
        if not events:
            return Tally()
        outcomes = self._publish(events)
        sent = _in_order(events, outcomes)
        self._backlog.mark_delivered(sent)
        _count_delivered(sent)
        self._backlog.end_pauses({event.topic for event in sent})
        failed = {
            event: outcome
            for event, outcome in zip(events, outcomes, strict=True)
            if outcome is not None
        }
        return Tally(sent=len(sent)) + self._settle(failed)

    def give_back_lanes(self) -> None:
        """Let another relay take over at once."""
        self._leases.release()

    def _publish(self, events: Sequence[WaitingEvent]) -> list[Failure | None]:
        outcomes = self._publisher.publish(events, while_waiting=self._while_waiting)
        if len(events) > 1 and any(_blames_an_event(outcome) for outcome in outcomes):
            # Kafka fails a whole batch for one message. Alone, each speaks for itself.
            delivered = _in_order(events, outcomes)
            self._backlog.mark_delivered(delivered)
            left = [event for event in events if event not in set(delivered)]
            alone = dict(zip(left, self._publish_one_by_one(left), strict=True))
            outcomes = [alone.get(event) for event in events]
        return outcomes

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
                (outcome,) = self._publisher.publish(
                    [event], while_waiting=self._while_waiting
                )
            if outcome is not None:
                failures[place] = outcome
            outcomes.append(outcome)
        return outcomes

    def _settle(self, failed: dict[WaitingEvent, Failure]) -> Tally:
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


def _blames_an_event(outcome: Failure | None) -> bool:
    return outcome is not None and outcome.kind in {
        FailureClass.EVENT,
        FailureClass.SUSPECT,
    }


def _behind(failure: Failure) -> Failure:
    return Failure(FailureClass.BEHIND, None, f"Waits behind: {failure.message}")


def _count_delivered(events: Sequence[WaitingEvent]) -> None:
    now = datetime.now(UTC)
    counts.add("outbox_published_total", len(events))
    counts.observe_latencies(
        (now - event.created_at).total_seconds() for event in events
    )


def _log_failure(event: WaitingEvent, failure: Failure, *, dead: bool) -> None:
    log.log(
        logging.ERROR if dead else logging.WARNING,
        "event given up" if dead else "event postponed",
        extra={
            "type": event.type,
            "event_id": str(event.event_id),
            "attempts": event.attempts + 1,
            "error": failure.message,
        },
    )


__all__ = ("LaneLost", "Outgoing", "Publisher", "Relay", "Tally")
