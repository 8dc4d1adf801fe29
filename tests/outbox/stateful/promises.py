"""What must hold after every step, and what when all is healed and quiet."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from tests.outbox.events import person
from tests.outbox.stateful.broker import Broker
from tests.outbox.stateful.store import Held, Places


class Violation(AssertionError):
    """A promise of the outbox was broken."""


@dataclass
class Truth:
    """What the writers know: which events there are, and in which order."""

    committed: dict[str, list[UUID]] = field(default_factory=dict)
    poisoned: set[UUID] = field(default_factory=set)

    @property
    def all(self) -> set[UUID]:
        return {event_id for told in self.committed.values() for event_id in told}

    def add(self, told: list[tuple[str, UUID]]) -> None:
        for name, event_id in told:
            self.committed.setdefault(name, []).append(event_id)

    def key_of(self, event_id: UUID) -> str:
        (name,) = (name for name, told in self.committed.items() if event_id in told)
        return str(person(name))


def insist(holds: bool, promise: str) -> None:
    if not holds:
        raise Violation(promise)


def check(truth: Truth, broker: Broker, places: Places) -> None:
    """Compare what is stored and what was sent with what was committed."""
    insist(
        set(broker.log) <= truth.all and set(places.all) <= truth.all,
        "nothing is told of that was not committed",
    )
    insist(
        Counter(places.all) == Counter(truth.all),
        "every committed event is at one place: it waits, or is sent, dead, or given up",
    )
    insist(
        set(places.archived) <= set(broker.log),
        "only what Kafka has taken is recorded as sent",
    )
    insist(
        set(places.attempts) <= truth.poisoned,
        "only an event's own fault counts as an attempt",
    )
    for told in truth.committed.values():
        _check_order(told, broker, given_up=set(places.discarded))


def check_quiet(broker: Broker, places: Places) -> None:
    """See that nothing was left behind."""
    insist(not places.pending, "what waits is sent when all is healed")
    insist(not places.dead, "what was replayed is sent when all is healed")
    insist(
        set(places.all) - set(places.discarded) <= set(broker.log),
        "nothing is lost",
    )


def check_held(truth: Truth, event_ids: Sequence[UUID], held: list[Held]) -> None:
    """See that nothing is sent of a key that waits, but what it waits for."""
    for each in held:
        for event_id in event_ids:
            insist(
                truth.key_of(event_id) != each.key or event_id == each.event_id,
                "a key that is held waits",
            )


def _check_order(told: list[UUID], broker: Broker, given_up: set[UUID]) -> None:
    # Given up while it was being sent it may still arrive, and then late.
    first_seen = [
        each
        for each in dict.fromkeys(broker.log)
        if each in told and each not in given_up
    ]
    expected = [each for each in told if each in first_seen]
    insist(first_seen == expected, "events of a key are sent in the order of commits")
