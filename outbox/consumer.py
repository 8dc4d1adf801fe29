"""Hands each event to its handler: once in effect, in the order of its key."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import partial
from time import monotonic
from typing import TypeVar
from uuid import UUID

import psycopg
from django.db import Error as DatabaseError
from django.db import connection, transaction

from opencore.events import Event, EventDataInvalid
from opencore.redaction import redact_text
from outbox import parking
from outbox.consuming import Heard, Place, handlings_of
from outbox.counting import counts
from outbox.envelope import Envelope, EnvelopeInvalid, from_bytes
from outbox.failures import Failure, FailureClass
from outbox.models import ParkedMessage
from outbox.receiving import Received, Source
from outbox.running import Stop

log = logging.getLogger(__name__)

T = TypeVar("T")


class Undone(Enum):
    """What was asked for and could not be done before the end."""

    UNDONE = 0


UNDONE = Undone.UNDONE

BATCH = 200
POLL = 0.25
RETRY_PAUSE = 0.2
PAUSES = (0.25, 0.5, 1.0, 2.0)
# SQLSTATEs, or their classes, of a server that is away for everybody: connections,
# shutdowns, resources, a standby, a transaction that was idle for too long.
AWAY = ("08", "57P", "53", "25006", "25P03")


@dataclass(frozen=True, slots=True)
class Readable:
    """A message that is an event which somebody handles."""

    received: Received
    envelope: Envelope

    @property
    def place(self) -> parking.Place:
        """Return within what its order matters."""
        return self.received.topic, self.received.key

    @property
    def identity(self) -> tuple[str, UUID]:
        """Return what no two events share."""
        return self.envelope.source, self.envelope.event_id


class Consumer:
    """One member of one app's consumer group."""

    def __init__(
        self, *, consumer: str, source: Source, stop: Stop, worker: str
    ) -> None:
        self._consumer = consumer
        self._source = source
        self._stop = stop
        self._worker = worker
        self._handlings = handlings_of(consumer)
        self._retried_at = float("-inf")

    def run(self) -> None:
        """Consume until asked to stop; no outage of Kafka or PostgreSQL ends it."""
        try:
            while not self._stop.asked:
                for batch in _by_partition(
                    self._source.receive(limit=BATCH, seconds=POLL)
                ):
                    self._take(batch)
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
        if envelope.event.type not in self._handlings:
            return
        readable = Readable(received, envelope)
        try:
            self._apply_in_order([readable])
        except Exception as error:  # noqa: BLE001 -- a handler may raise anything
            self._park_failed(readable, self._failure(error))

    def accept_together(self, batch: Sequence[Received]) -> bool:
        """Apply or park all events in one transaction; return False if nothing was done.

        That is so if a message can't be read, if a handler fails, or if one does not
        allow to share its transaction. Then each must be accepted alone.
        """
        try:
            found = [(each, from_bytes(each.payload)) for each in batch]
        except (EnvelopeInvalid, EventDataInvalid):
            return False
        readable = [
            Readable(received, envelope)
            for received, envelope in found
            if envelope.event.type in self._handlings
        ]
        types = {each.envelope.event.type for each in readable}
        if not all(self._handlings[each].in_batches for each in types):
            return False
        try:
            self._apply_in_order(readable)
        except Exception as error:
            if _database_is_away(error):
                raise
            log.info(
                "batch falls apart",
                extra={"consumer": self._consumer, "error": str(error)},
            )
            return False
        return True

    def retry_parked(self) -> None:
        """Try the first waiting event of each key whose time has come."""
        while not self._stop.asked:
            if not self._retry_one():
                return

    def _take(self, batch: Sequence[Received]) -> None:
        """Deal with messages of one partition, and note only what is dealt with."""
        if len(batch) > 1:
            together = self._insist(partial(self.accept_together, batch))
            if together is True:
                self._source.done(batch[-1])
                return
        for received in batch:
            if self._insist(partial(self.accept, received)) is UNDONE:
                return
            self._source.done(received)

    def _apply_in_order(self, events: Sequence[Readable]) -> None:
        """Apply each event, or park it behind its key, all in one transaction."""
        if not events:
            return
        places = {each.place for each in events}
        fresh: list[Readable] = []
        handled: list[Heard[Event]] = []
        with transaction.atomic():
            parking.lock_keys(consumer=self._consumer, keys=places)
            blocked = parking.blocked_keys(consumer=self._consumer, keys=places)
            new = self._note_in_inbox(
                [each.envelope for each in events if each.place not in blocked]
            )
            for each in events:
                if each.place in blocked:
                    self._park(each)
                elif each.identity in new:
                    new.remove(each.identity)
                    fresh.append(each)
            for group in in_groups(fresh):
                heard = [_heard(each.envelope, each.received) for each in group]
                self._handle(heard)
                handled += heard
        self._report(handled)

    def _note_in_inbox(self, envelopes: Sequence[Envelope]) -> set[tuple[str, UUID]]:
        """Note the events as handled; return those that were not."""
        if not envelopes:
            return set()
        with connection.cursor() as cursor:
            cursor.execute(
                """
                insert into outbox_inbox (consumer, source, event_id)
                select %s, * from unnest(%s::text[], %s::uuid[])
                on conflict do nothing
                returning source, event_id
                """,
                [
                    self._consumer,
                    [envelope.source for envelope in envelopes],
                    [envelope.event_id for envelope in envelopes],
                ],
            )
            new = set(cursor.fetchall())
        duplicates = len(envelopes) - len(new)
        counts.add("inbox_duplicates_total", duplicates, consumer=self._consumer)
        return new

    def _handle(self, heard: Sequence[Heard[Event]]) -> None:
        self._handlings[heard[0].event.type].handle(heard)

    def _report(self, handled: Sequence[Heard[Event]]) -> None:
        counts.add("inbox_handled_total", len(handled), consumer=self._consumer)
        if len(handled) > 1:
            # One line for each would cost as much as to handle it.
            log.info(
                "events handled",
                extra={"consumer": self._consumer, "events": len(handled)},
            )
        level = logging.INFO if len(handled) == 1 else logging.DEBUG
        if not log.isEnabledFor(level):
            return
        for one in handled:
            with one.at_work():
                log.log(
                    level,
                    "event handled",
                    extra={
                        "consumer": self._consumer,
                        "type": one.event.type,
                        "event_id": str(one.event_id),
                    },
                )

    def _park(self, readable: Readable) -> None:
        parking.park(
            consumer=self._consumer,
            received=readable.received,
            envelope=readable.envelope,
        )

    @transaction.atomic
    def _park_failed(self, readable: Readable, failure: Failure) -> None:
        parking.lock_keys(consumer=self._consumer, keys=[readable.place])
        parking.park_failed(
            consumer=self._consumer,
            received=readable.received,
            envelope=readable.envelope,
            failure=failure,
            worker=self._worker,
        )

    def _retry_one(self) -> bool:
        with transaction.atomic():
            head = parking.claim_due_head(consumer=self._consumer)
            if head is None:
                return False
            envelope = from_bytes(bytes(head.payload))
            heard = [_heard(envelope, head)]
            try:
                with transaction.atomic():
                    handled = self._note_in_inbox([envelope])
                    if handled:
                        self._handle(heard)
            except Exception as error:  # noqa: BLE001 -- a handler may raise anything
                failure = self._failure(error)
                parking.record_failure(head=head, failure=failure, worker=self._worker)
                return True
            parking.leave(head=head)
        self._report(heard if handled else [])
        return True

    def _failure(self, error: Exception) -> Failure:
        """Return what to record; raise on if it is the database that is away."""
        if _database_is_away(error):
            raise error
        counts.add("inbox_failures_total", consumer=self._consumer)
        log.warning(
            "handler failed", extra={"consumer": self._consumer}, exc_info=error
        )
        # PostgreSQL says which value it refused; the attempt is kept longer than that.
        message = redact_text(f"{type(error).__name__}: {error}")
        return Failure(FailureClass.EVENT, None, message)

    def _set_aside(self, received: Received, error: Exception) -> None:
        reason = redact_text(str(error))
        parking.bury_unreadable(
            consumer=self._consumer, received=received, error=reason
        )
        log.error(
            "message can't be read",
            extra={
                "consumer": self._consumer,
                "topic": received.topic,
                "partition": received.partition,
                "offset": received.offset,
                "error": reason,
            },
        )

    def _insist(self, act: Callable[[], T]) -> T | Undone:
        """Do it, however long PostgreSQL is away, and stay in the group meanwhile.

        UNDONE if somebody asked to stop before it could be done.
        """
        attempt = 0
        while not self._stop.asked:
            try:
                result = act()
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
                return result
        return UNDONE


def _by_partition(messages: Sequence[Received]) -> list[list[Received]]:
    parts: dict[tuple[str, int], list[Received]] = {}
    for received in messages:
        parts.setdefault((received.topic, received.partition), []).append(received)
    return list(parts.values())


def in_groups(events: Sequence[Readable]) -> list[list[Readable]]:
    """Put events of one type together; those of one key stay in their order."""
    groups: list[list[Readable]] = []
    latest: dict[str, int] = {}
    earliest: dict[parking.Place, int] = {}
    for each in events:
        kind, place = each.envelope.event.type, each.place
        group = latest.get(kind, -1)
        if group < earliest.get(place, 0):
            group = latest[kind] = len(groups)
            groups.append([])
        groups[group].append(each)
        earliest[place] = group
    return groups


def _heard(envelope: Envelope, message: Received | ParkedMessage) -> Heard[Event]:
    return Heard(
        event=envelope.event,
        event_id=envelope.event_id,
        place=Place(message.topic, message.partition, message.offset),
        request_id=envelope.request_id,
    )


def _keep_counts() -> None:
    with connection.cursor() as cursor:
        counts.flush_if_due(cursor.execute)


def _database_is_away(error: Exception) -> bool:
    """Return whether the connection failed, and not a statement on it."""
    cause = error.__cause__
    if not isinstance(error, DatabaseError) or not isinstance(cause, psycopg.Error):
        return False
    # Errors of a connection that was never made or is lost have no SQLSTATE at all.
    return cause.sqlstate is None or cause.sqlstate.startswith(AWAY)
