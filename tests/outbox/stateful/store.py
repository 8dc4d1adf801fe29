"""What PostgreSQL holds of each event, and its time, which passes when it is told to."""

from collections import defaultdict
from dataclasses import dataclass
from threading import Event
from time import monotonic
from typing import Any, LiteralString
from uuid import UUID

from outbox.connecting import open_connection

PATIENCE = 30.0
EMPTY = """
set session_replication_role = replica;
delete from outbox_event;
delete from outbox_archive;
delete from outbox_lane;
delete from outbox_attempt;
delete from outbox_hold;
delete from outbox_dead_letter;
delete from outbox_operator_action;
delete from outbox_replay_item;
delete from outbox_replay;
set session_replication_role = origin;
"""
PLACES = """
select 'pending', event_id from outbox_event
union all select 'archived', event_id from outbox_archive
union all select state, event_id from outbox_dead_letter
union all select 'attempts', event_id from outbox_attempt
"""


@dataclass(frozen=True, slots=True)
class Places:
    """Where the events are, and which of them failed how often."""

    pending: list[UUID]
    archived: list[UUID]
    dead: list[UUID]
    discarded: list[UUID]
    attempts: list[UUID]

    @property
    def all(self) -> list[UUID]:
        """Return every event as often as it is somewhere."""
        return [*self.pending, *self.archived, *self.dead, *self.discarded]

    @property
    def recorded(self) -> list[UUID]:
        """Return what relays have recorded, in any order."""
        return sorted([*self.archived, *self.attempts])


@dataclass(frozen=True, slots=True)
class Held:
    """A key that waits, and for which event; for none if an operator wants it to."""

    topic: str
    key: str
    event_id: UUID | None


class Store:
    """The outbox's tables."""

    def __init__(self) -> None:
        self._connection = open_connection(application_name="stateful")

    def close(self) -> None:
        self._connection.close()

    def empty(self) -> None:
        """Forget everything, even what nobody may delete."""
        self._connection.execute(EMPTY)

    def places(self) -> Places:
        found: dict[str, list[UUID]] = defaultdict(list)
        for place, event_id in self._rows(PLACES):
            found[place].append(event_id)
        return Places(
            pending=found["pending"],
            archived=found["archived"],
            dead=found["waiting"],
            discarded=found["discarded"],
            attempts=found["attempts"],
        )

    def held(self) -> list[Held]:
        rows = self._rows("select topic, key, event_id from outbox_hold order by id")
        return [Held(*row) for row in rows]

    def held_by_operators(self) -> list[Held]:
        rows = self._rows(
            "select topic, key, event_id from outbox_hold"
            " where held_by <> '' and event_id is null order by id"
        )
        return [Held(*row) for row in rows]

    def owners(self) -> dict[int, str]:
        return dict(self._rows("select lane, owner from outbox_lane"))

    def let_leases_run_out(self) -> None:
        self._connection.execute(
            "update outbox_lane set lease_until = clock_timestamp() - interval '1 s'"
        )

    def let_retries_be_due(self) -> None:
        self._connection.execute(
            "update outbox_event set available_at = clock_timestamp()"
            " where available_at is not null"
        )

    def wait_until_gone(self, session: int) -> None:
        """Wait for PostgreSQL to notice that a client is gone, and free its locks."""
        deadline = monotonic() + PATIENCE
        gone = "select not exists (select from pg_stat_activity where pid = %s)"
        while self._connection.execute(gone, [session]).fetchone() != (True,):
            assert monotonic() < deadline, "the session did not end"
            Event().wait(0.001)

    def _rows(self, query: LiteralString) -> list[Any]:
        return self._connection.execute(query).fetchall()
