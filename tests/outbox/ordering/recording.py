"""The lab's broker, as OpenCore's relay wants it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from outbox.envelope import from_bytes
from outbox.failures import Failure
from outbox.relay import Outgoing
from tests.outbox.ordering.lab import Broker


@dataclass(frozen=True)
class Arrived:
    """So many messages that the broker has."""

    count: int
    unharmed: bool = True

    def wait(self, *, while_waiting: Callable[[], bool]) -> list[Failure | None]:
        while_waiting()
        return [None] * self.count


class RecordingPublisher:
    """A publisher whose every message arrives."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    def send(self, messages: Sequence[Outgoing]) -> Arrived:
        self._broker.send([from_bytes(each.payload).event_id for each in messages])
        return Arrived(len(messages))

    def probe(self) -> bool:
        return True

    def close(self) -> None:
        """Nothing is kept back, so there is nothing to drop."""
