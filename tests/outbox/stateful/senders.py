"""Relays that crash, stall, and are superseded."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from typing import Any
from unittest.mock import patch
from uuid import UUID

import psycopg

from outbox import watermark
from outbox.connecting import open_connection
from outbox.leases import LaneLost
from outbox.relay import Relay
from tests.outbox.stateful.broker import Answer, Broker, Line
from tests.outbox.stateful.promises import Truth, check_held, insist
from tests.outbox.stateful.store import Held, Store

AT_ONCE, NEVER = timedelta(0), timedelta(days=1)
_numbers = count(1)


def nothing() -> None:
    """Let nothing happen meanwhile."""


@dataclass
class Turn:
    """How one turn of a relay goes."""

    answer: Answer = Answer.OK
    takes_lanes: bool = True
    looks_anew: bool = True
    # What others do, once, before the broker takes a batch and before it answers.
    before_sending: Callable[[], None] = nothing
    before_answering: Callable[[], None] = nothing


class Connections:
    """Relays' connections, kept from one example to the next: to connect is slow."""

    def __init__(self) -> None:
        self._idle: list[psycopg.Connection[Any]] = []

    def take(self) -> "psycopg.Connection[Any]":
        if self._idle:
            return self._idle.pop()
        return open_connection(application_name="stateful")

    def give_back(self, connection: "psycopg.Connection[Any]") -> None:
        if not connection.closed:
            connection.execute("select pg_advisory_unlock_all()")
            self._idle.append(connection)

    def close(self) -> None:
        for connection in self._idle:
            connection.close()


class Sender:
    """One relay; where it ends, another begins."""

    def __init__(
        self, broker: Broker, store: Store, truth: Truth, connections: Connections
    ) -> None:
        self._broker = broker
        self._store = store
        self._truth = truth
        self._connections = connections
        self._turn = Turn()
        self._held: list[Held] = []
        self._sent_ahead: set[UUID] = set()
        self._recorded: list[UUID] | None = None
        self._begin()

    def take_turn(self, turn: Turn) -> None:
        """Do what whoever runs a relay does over and over."""
        self._turn, self._line.answer = turn, turn.answer
        self._held = self._store.held()
        self._sent_ahead = self._line.unanswered
        rescan = AT_ONCE if turn.looks_anew else NEVER
        with patch.object(watermark, "RESCAN", rescan):
            self._surviving(self._relay_batch)

    def take_lanes(self) -> None:
        """Take what is free, and come no further."""
        self._surviving(self._relay.take_lanes)

    def give_back(self) -> None:
        """Do what whoever runs a relay does at the end."""
        self._turn = Turn()
        self._surviving(self._finish)

    def crash(self) -> None:
        """Lose the connection, maybe in the middle."""
        if self._connection.closed:
            return
        session = self._connection.info.backend_pid
        self._connection.close()
        self._store.wait_until_gone(session)

    def close(self) -> None:
        self._connections.give_back(self._connection)

    def _begin(self) -> None:
        self._name = f"relay-{next(_numbers)}"
        self._connection = self._connections.take()
        self._line = Line(self._broker, self._when_sending, self._when_waiting)
        self._relay = Relay(
            connection=self._connection, publisher=self._line, name=self._name
        )

    def _relay_batch(self) -> None:
        if self._turn.takes_lanes:
            self._relay.take_lanes()
        if self._relay.lanes:
            self._relay.relay_batch()

    def _finish(self) -> None:
        self._relay.finish()
        self._relay.give_back_lanes()

    def _surviving(self, work: Callable[[], object]) -> None:
        try:
            work()
        except LaneLost:
            self.crash()
            self._begin()
        except psycopg.Error:
            if not self._connection.closed:
                raise
            self._begin()
        self._insist_on_silence()

    def _when_sending(self, event_ids: Sequence[UUID]) -> None:
        self._insist_on_silence()
        still = self._store.held()
        held = [each for each in self._held if each in still]
        # Who holds a key is told that what is being sent may still be: so may what was
        # sent ahead in the turns before, and is sent again alone.
        new = [each for each in event_ids if each not in self._sent_ahead]
        check_held(self._truth, new, held)
        meanwhile, self._turn.before_sending = self._turn.before_sending, nothing
        meanwhile()

    def _when_waiting(self) -> None:
        self._insist_on_silence()
        meanwhile, self._turn.before_answering = self._turn.before_answering, nothing
        meanwhile()
        owners = self._store.owners()
        if any(owners[lane] != self._name for lane in self._relay.lanes):
            self._recorded = self._store.places().recorded

    def _insist_on_silence(self) -> None:
        recorded, self._recorded = self._recorded, None
        if recorded is not None:
            insist(
                self._store.places().recorded == recorded,
                "a relay that lost its lanes records nothing",
            )
