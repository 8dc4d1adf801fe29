"""Stand-ins for Kafka with switches; the contract suite holds them to the real one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from outbox.envelope import Envelope, from_bytes
from outbox.failures import Failure, FailureClass
from outbox.receiving import Received
from outbox.relay import Outgoing


@dataclass
class KafkaSpy:
    """A publisher that keeps what it got; switches make it fail."""

    up: bool = True
    refused_topics: set[str] = field(default_factory=set)
    largest: int = 1024 * 1024
    loses_answers: bool = False
    received: list[Outgoing] = field(default_factory=list)
    while_publishing: Callable[[], None] = lambda: None

    def publish(
        self, messages: Sequence[Outgoing], *, while_waiting: Callable[[], bool]
    ) -> list[Failure | None]:
        outcomes = self._outcomes(messages)
        self.while_publishing()
        while_waiting()
        if self.loses_answers:
            return [Failure(FailureClass.CLUSTER, None, "no answer")] * len(messages)
        return outcomes

    def probe(self) -> bool:
        return self.up

    def close(self) -> None:
        """Nothing is kept back, so there is nothing to drop."""

    @property
    def envelopes(self) -> list[Envelope]:
        return [from_bytes(message.payload) for message in self.received]

    def _outcomes(self, messages: Sequence[Outgoing]) -> list[Failure | None]:
        if not self.up:
            return [Failure(FailureClass.CLUSTER, None, "down")] * len(messages)
        if any(len(message.payload) > self.largest for message in messages):
            # As the broker does: one message fails the whole batch.
            alone = len(messages) == 1
            kind = FailureClass.EVENT if alone else FailureClass.SUSPECT
            return [Failure(kind, 10 if alone else None, "too large")] * len(messages)
        outcomes: list[Failure | None] = []
        for message in messages:
            if message.topic in self.refused_topics:
                outcomes.append(Failure(FailureClass.TOPIC, 3, "unknown topic"))
            else:
                self.received.append(message)
                outcomes.append(None)
        return outcomes


@dataclass
class LogSpy:
    """A source that hands out messages; a test sees what was noted as done."""

    messages: list[Received] = field(default_factory=list)
    done_with: list[Received] = field(default_factory=list)
    closed: bool = False
    on_empty: Callable[[], None] = lambda: None

    def receive(self, *, seconds: float) -> Received | None:
        if not self.messages:
            self.on_empty()
            return None
        return self.messages.pop(0)

    def done(self, received: Received) -> None:
        self.done_with.append(received)

    def stay(self) -> None:
        """A spy is never thrown out of its group."""

    def close(self) -> None:
        self.closed = True
