"""Hands each event to its handler: once in effect, in the order of its key."""

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from time import monotonic

import psycopg
from django.db import Error as DatabaseError
from django.db import connection, transaction

from opencore.context import new_request_id, working_for
from opencore.events import EventDataInvalid
from outbox import parking
from outbox.consuming import handlers_of
from outbox.counting import counts
from outbox.envelope import Envelope, EnvelopeInvalid, from_bytes
from outbox.failures import Failure, FailureClass
from outbox.receiving import Received, Source
from outbox.running import Stop

log = logging.getLogger(__name__)

POLL = 0.25
RETRY_PAUSE = 0.2
PAUSES = (0.25, 0.5, 1.0, 2.0)
# SQLSTATEs, or their classes, of a server that is away for everybody: connections,
# shutdowns, resources, a standby, a transaction that was idle for too long.
AWAY = ("08", "57P", "53", "25006", "25P03")


class Consumer:
    """One member of one app's consumer group."""

    def __init__(
        self, *, consumer: str, source: Source, stop: Stop, worker: str
    ) -> None:
        self._consumer = consumer
        self._source = source
        self._stop = stop
        self._worker = worker
        self._handlers = handlers_of(consumer)
        self._retried_at = float("-inf")

    def run(self) -> None:
        """Consume until asked to stop; no outage of Kafka or PostgreSQL ends it."""
        try:
            while not self._stop.asked:
                received = self._source.receive(seconds=POLL)
                if received is not None:
                    self._insist(partial(self.accept, received))
                    self._source.done(received)
                if monotonic() - self._retried_at > RETRY_PAUSE:
                    self._insist(self.retry_parked)
                    self._insist(_keep_counts)
                    self._retried_at = monotonic()
        finally:
            self._source.close()

    def accept(self, received: Received) -> None:
        """Apply the event, or park it behind its key, or set it aside for good."""
        try:
            envelope = from_bytes(received.payload)
        except (EnvelopeInvalid, EventDataInvalid) as error:
            self._set_aside(received, error)
            return
        if envelope.event.type not in self._handlers:
            return
        failure = self._apply_or_park(received, envelope)
        if failure is not None:
            with transaction.atomic():
                self._lock_key(received)
                parking.park_failed(
                    consumer=self._consumer,
                    received=received,
                    envelope=envelope,
                    failure=failure,
                    worker=self._worker,
                )

    def retry_parked(self) -> None:
        """Try the first waiting event of each key whose time has come."""
        while not self._stop.asked:
            if not self._retry_one():
                return

    def _apply_or_park(self, received: Received, envelope: Envelope) -> Failure | None:
        with _belonging_to(envelope):
            try:
                with transaction.atomic():
                    self._lock_key(received)
                    if parking.is_blocked(
                        consumer=self._consumer, topic=received.topic, key=received.key
                    ):
                        parking.park(
                            consumer=self._consumer,
                            received=received,
                            envelope=envelope,
                        )
                    else:
                        self._apply(envelope)
            except Exception as error:  # noqa: BLE001 -- a handler may raise anything
                return self._failure(error)
        return None

    def _apply(self, envelope: Envelope) -> None:
        """Run the handler unless it ran before, inside the caller's transaction."""
        with connection.cursor() as cursor:
            cursor.execute(
                "insert into outbox_inbox (consumer, source, event_id)"
                " values (%s, %s, %s) on conflict do nothing",
                [self._consumer, envelope.source, envelope.event_id],
            )
            if cursor.rowcount == 0:
                counts.add("inbox_duplicates_total", consumer=self._consumer)
                return
        self._handlers[envelope.event.type](envelope.event, envelope.event_id)
        counts.add("inbox_handled_total", consumer=self._consumer)
        log.info(
            "event handled",
            extra={
                "consumer": self._consumer,
                "type": envelope.event.type,
                "event_id": str(envelope.event_id),
            },
        )

    def _retry_one(self) -> bool:
        with transaction.atomic():
            head = parking.claim_due_head(consumer=self._consumer)
            if head is None:
                return False
            envelope = from_bytes(bytes(head.payload))
            with _belonging_to(envelope):
                try:
                    with transaction.atomic():
                        self._apply(envelope)
                except Exception as error:  # noqa: BLE001 -- a handler may raise anything
                    failure = self._failure(error)
                    parking.record_failure(
                        head=head, failure=failure, worker=self._worker
                    )
                else:
                    parking.leave(head=head)
        return True

    def _failure(self, error: Exception) -> Failure:
        """Return what to record; raise on if it is the database that is away."""
        if _database_is_away(error):
            raise error
        counts.add("inbox_failures_total", consumer=self._consumer)
        log.warning(
            "handler failed", extra={"consumer": self._consumer}, exc_info=error
        )
        return Failure(FailureClass.EVENT, None, f"{type(error).__name__}: {error}")

    def _set_aside(self, received: Received, error: Exception) -> None:
        parking.bury_unreadable(
            consumer=self._consumer, received=received, error=str(error)
        )
        log.error(
            "message can't be read",
            extra={
                "consumer": self._consumer,
                "topic": received.topic,
                "partition": received.partition,
                "offset": received.offset,
                "error": str(error),
            },
        )

    def _lock_key(self, received: Received) -> None:
        parking.lock_key(
            consumer=self._consumer, topic=received.topic, key=received.key
        )

    def _insist(self, act: Callable[[], None]) -> None:
        """Do it, however long PostgreSQL is away, and stay in the group meanwhile."""
        attempt = 0
        while not self._stop.asked:
            try:
                act()
            except DatabaseError as error:
                log.error(
                    "database did not answer",
                    extra={"consumer": self._consumer, "error": str(error)},
                )
                connection.close()
                self._source.stay()
                self._stop.wait(PAUSES[min(attempt, len(PAUSES) - 1)])
                attempt += 1
            else:
                if attempt:
                    log.info(
                        "database answers again", extra={"consumer": self._consumer}
                    )
                return


def _keep_counts() -> None:
    with connection.cursor() as cursor:
        counts.flush_if_due(cursor.execute)


def _belonging_to(envelope: Envelope) -> AbstractContextManager[None]:
    return working_for(
        request_id=envelope.request_id or new_request_id(),
        causation_id=envelope.event_id,
    )


def _database_is_away(error: Exception) -> bool:
    """Return whether the connection failed, and not a statement on it."""
    cause = error.__cause__
    if not isinstance(error, DatabaseError) or not isinstance(cause, psycopg.Error):
        return False
    # Errors of a connection that was never made or is lost have no SQLSTATE at all.
    return cause.sqlstate is None or cause.sqlstate.startswith(AWAY)
