"""Kafka as a log with switches, and what happens while a relay waits for its answer."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

from outbox.envelope import from_bytes
from outbox.failures import Failure, FailureClass
from outbox.relay import Outgoing

AWAY = Failure(FailureClass.CLUSTER, None, "away")
BEHIND = Failure(FailureClass.BEHIND, None, "behind")
# As Kafka does: one message fails the whole batch, and speaks for itself when alone.
REFUSED = Failure(FailureClass.EVENT, 10, "too large")
SUSPECT = Failure(FailureClass.SUSPECT, None, "refused with others")


class Answer(StrEnum):
    """How the broker takes a batch."""

    OK = "ok"
    HALF = "half"
    FAIL = "fail"
    REPLY_LOST = "reply lost"


@dataclass
class Broker:
    """What consumers will read, in order, and the events that it refuses for good."""

    log: list[UUID] = field(default_factory=list)
    poison: set[UUID] = field(default_factory=set)

    def take(self, event_ids: Sequence[UUID], answer: Answer) -> list[Failure | None]:
        count = len(event_ids)
        if answer is Answer.FAIL:
            return [AWAY] * count
        if self.poison.intersection(event_ids):
            return [REFUSED if count == 1 else SUSPECT] * count
        taken = count // 2 if answer is Answer.HALF else count
        self.log.extend(event_ids[:taken])
        if answer is Answer.REPLY_LOST:
            return [AWAY] * count
        return [None] * taken + [AWAY] * (count - taken)


@dataclass(eq=False)
class OnItsWay:
    """Some messages, and what the relay will hear of them when it waits."""

    line: "Line"
    event_ids: Sequence[UUID]
    keys: Sequence[str]
    outcomes: list[Failure | None]
    waited: bool = False

    @property
    def failed_keys(self) -> set[str]:
        told = zip(self.keys, self.outcomes, strict=True)
        return {key for key, outcome in told if outcome is not None}

    @property
    def unharmed(self) -> bool:
        return not (self.waited and self.failed_keys)

    def wait(self, *, while_waiting: Callable[[], bool]) -> list[Failure | None]:
        self.line.when_waiting()
        while_waiting()
        self.waited = True
        if self.failed_keys:
            self.line.close()
        elif self in self.line.on_their_way:
            self.line.on_their_way.remove(self)
        return self.outcomes


@dataclass
class Line:
    """One relay's line to the broker; others act while it is used."""

    broker: Broker
    when_sending: Callable[[Sequence[UUID]], None]
    when_waiting: Callable[[], None]
    answer: Answer = Answer.OK
    on_their_way: list[OnItsWay] = field(default_factory=list)

    @property
    def unanswered(self) -> set[UUID]:
        """Return what was sent, and nobody waited for its answer yet."""
        return {one for each in self.on_their_way for one in each.event_ids}

    def send(self, messages: Sequence[Outgoing]) -> OnItsWay:
        event_ids = [from_bytes(message.payload).event_id for message in messages]
        self.when_sending(event_ids)
        keys = [message.key for message in messages]
        broken = {key for each in self.on_their_way for key in each.failed_keys}
        heard = zip(keys, event_ids, strict=True)
        passed = [event_id for key, event_id in heard if key not in broken]
        answers = iter(self.broker.take(passed, self.answer))
        outcomes = [BEHIND if key in broken else next(answers) for key in keys]
        self.on_their_way.append(OnItsWay(self, event_ids, keys, outcomes))
        return self.on_their_way[-1]

    def probe(self) -> bool:
        return self.answer is not Answer.FAIL

    def close(self) -> None:
        self.on_their_way = []
