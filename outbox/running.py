"""Keeps a relay going through outages of PostgreSQL, Kafka and Redis."""

import logging
import os
import socket
from collections.abc import Callable
from datetime import timedelta
from threading import Event
from time import monotonic
from typing import Any

import psycopg
from django.conf import settings

from opencore.ids import uuid7
from outbox.connecting import open_connection
from outbox.counting import counts
from outbox.doorbell import Doorbell
from outbox.leases import LaneLost
from outbox.relay import Publisher, Relay, Tally

log = logging.getLogger(__name__)

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 5.0
STANDBY_PAUSE = 1.0
GRACE = 8.0


class Stop:
    """A wish to stop, and how much patience is left since."""

    def __init__(self) -> None:
        self._event = Event()
        self._asked_at = float("inf")

    def ask(self) -> None:
        """Ask the work to end; what is being sent may be finished."""
        self._asked_at = min(self._asked_at, monotonic())
        self._event.set()

    @property
    def asked(self) -> bool:
        """Return whether somebody asked."""
        return self._event.is_set()

    @property
    def patient(self) -> bool:
        """Return whether answers may still be waited for."""
        return monotonic() - self._asked_at < GRACE

    def wait(self, seconds: float) -> None:
        """Pause, unless asked to stop."""
        self._event.wait(seconds)


def run_relay(
    *,
    publisher: Publisher,
    stop: Stop,
    turn: timedelta | None = None,
    open_connection: Callable[..., "psycopg.Connection[Any]"] = open_connection,
) -> Tally:
    """Relay until asked to stop, or until the turn is over; return what was done.

    With a turn it returns at once when other relays hold all lanes; without one it
    stands by. No outage ends it, costs an attempt, or makes a dead letter. The
    publisher stays open for the next turn, with nothing on its way.
    """
    run = _Run(publisher=publisher, stop=stop, turn=turn, connect=open_connection)
    try:
        run.through()
    finally:
        run.end()
    return run.tally


class _Run:
    def __init__(
        self,
        *,
        publisher: Publisher,
        stop: Stop,
        turn: timedelta | None,
        connect: Callable[..., "psycopg.Connection[Any]"],
    ) -> None:
        self._publisher = publisher
        self._stop = stop
        self._connect = connect
        self._until = monotonic() + turn.total_seconds() if turn else float("inf")
        self._stands_by = turn is None
        self._name = f"{socket.gethostname()}:{os.getpid()}:{uuid7().hex[-6:]}"
        self._bell = Doorbell()
        self._connection: psycopg.Connection[Any] | None = None
        self._relay: Relay | None = None
        self._failures = 0
        self._away = False
        self.tally = Tally()

    def through(self) -> None:
        while not self._stop.asked and monotonic() < self._until:
            try:
                if not self._turn_once():
                    break
            except LaneLost as error:
                counts.add("outbox_lease_lost_total")
                log.warning("lane lost", extra={"relay": self._name, "at": str(error)})
                self._disconnect()
            except psycopg.Error as error:
                self._disconnect()
                self._pause_after("database did not answer", error)

    def end(self) -> None:
        relay, self._relay = self._relay, None
        if relay is not None:
            try:
                self.tally += relay.finish()
                relay.give_back_lanes()
                self._keep_counts(at_once=True)
            except (LaneLost, psycopg.Error) as error:
                log.info("lanes left to expire", extra={"error": str(error)})
                self._publisher.close()
        self._close_connection()
        self._bell.close()

    def _turn_once(self) -> bool:
        relay = self._ready_relay()
        took = relay.take_lanes()
        if self._away:
            self._away = False
            log.info("database answers again", extra={"relay": self._name})
        if not took:
            if not self._stands_by:
                return False
            self._stop.wait(STANDBY_PAUSE)
            return True
        tally = relay.relay_batch()
        self.tally += tally
        self._keep_counts(at_once=False)
        if tally.waiting:
            self._await_kafka(relay)
        elif not tally.sent:
            self._failures = 0
            self._bell.wait(settings.OUTBOX_POLL.total_seconds())
        else:
            self._failures = 0
        return True

    def _await_kafka(self, relay: Relay) -> None:
        """Knock, ever more rarely, keeping the lanes; nothing is written meanwhile."""
        counts.add("outbox_kafka_waits_total")
        log.error("kafka does not answer; events wait", extra={"relay": self._name})
        attempt = 0
        while not self._stop.asked and monotonic() < self._until:
            self._stop.wait(min(FIRST_PAUSE * 2**attempt, LONGEST_PAUSE))
            relay.take_lanes()
            if self._publisher.probe():
                log.info("kafka answers again", extra={"relay": self._name})
                return
            attempt += 1

    def _ready_relay(self) -> Relay:
        if self._relay is None:
            self._connection = self._connect(application_name="opencore-relay")
            self._relay = Relay(
                connection=self._connection,
                publisher=self._publisher,
                name=self._name,
                going_on=lambda: self._stop.patient,
                stopping=lambda: self._stop.asked,
            )
        return self._relay

    def _keep_counts(self, *, at_once: bool) -> None:
        connection = self._connection
        if connection is not None:
            flush = counts.flush if at_once else counts.flush_if_due
            flush(connection.execute)

    def _disconnect(self) -> None:
        # What is still on its way could not be recorded; the next owner sends it.
        self._publisher.close()
        self._relay = None
        self._close_connection()

    def _close_connection(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _pause_after(self, what: str, error: Exception) -> None:
        pause = min(FIRST_PAUSE * 2**self._failures, LONGEST_PAUSE)
        self._failures += 1
        self._away = True
        log.error(what, extra={"relay": self._name, "error": str(error)})
        self._stop.wait(pause)
