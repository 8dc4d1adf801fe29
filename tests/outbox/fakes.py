"""Stand-ins for Kafka with switches; the contract suite holds them to the real one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from outbox.envelope import Envelope, from_bytes
from outbox.failures import Failure, FailureClass
from outbox.receiving import Received
from outbox.relay import Outgoing


@dataclass(eq=False)
class SpiedSending:
    """What the spy made of some messages; a refusal shows when it is waited for."""

    spy: "KafkaSpy"
    outcomes: list[Failure | None]
    waited: bool = False

    @property
    def failures(self) -> list[Failure]:
        return [outcome for outcome in self.outcomes if outcome is not None]

    @property
    def unharmed(self) -> bool:
        return not any(
            self.waited or failure.kind in {FailureClass.TOPIC, FailureClass.BEHIND}
            for failure in self.failures
        )

    def wait(self, *, while_waiting: Callable[[], bool]) -> list[Failure | None]:
        self.spy.while_publishing()
        while_waiting()
        self.waited = True
        if self.failures:
            self.spy.close()
        elif self in self.spy.on_their_way:
            self.spy.on_their_way.remove(self)
        return self.outcomes


@dataclass
class KafkaSpy:
    """A publisher that keeps what it got; switches make it fail."""

    up: bool = True
    refused_topics: set[str] = field(default_factory=set)
    largest: int = 1024 * 1024
    loses_answers: bool = False
    received: list[Outgoing] = field(default_factory=list)
    on_their_way: list[SpiedSending] = field(default_factory=list)
    when_sending: Callable[[], None] = lambda: None
    while_publishing: Callable[[], None] = lambda: None

    def send(self, messages: Sequence[Outgoing]) -> SpiedSending:
        self.when_sending()
        sending = SpiedSending(self, self._outcomes(messages))
        self.on_their_way.append(sending)
        return sending

    def probe(self) -> bool:
        return self.up

    def close(self) -> None:
        self.on_their_way = []

    @property
    def envelopes(self) -> list[Envelope]:
        return [from_bytes(message.payload) for message in self.received]

    def _outcomes(self, messages: Sequence[Outgoing]) -> list[Failure | None]:
        if any(sending.failures for sending in self.on_their_way):
            return [Failure(FailureClass.BEHIND, None, "behind")] * len(messages)
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
        if self.loses_answers:
            return [Failure(FailureClass.CLUSTER, None, "no answer")] * len(messages)
        return outcomes


@dataclass
class LogSpy:
    """A source that hands out messages; a test sees what was noted as done."""

    messages: list[Received] = field(default_factory=list)
    done_with: list[Received] = field(default_factory=list)
    closed: bool = False
    on_empty: Callable[[], None] = lambda: None
    on_stay: Callable[[], None] = lambda: None

    def receive(self, *, limit: int, seconds: float) -> list[Received]:
        if not self.messages:
            self.on_empty()
        found, self.messages = self.messages[:limit], self.messages[limit:]
        return found

    def done(self, received: Received) -> None:
        self.done_with.append(received)

    def stay(self) -> None:
        self.on_stay()

    def close(self) -> None:
        self.closed = True
