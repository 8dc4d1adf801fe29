"""Whose fault it is that an event could not be sent or handled."""

from dataclasses import dataclass
from enum import StrEnum


class FailureClass(StrEnum):
    """What a failure is blamed on; only an event's own fault counts as an attempt."""

    CLUSTER = "cluster"
    TOPIC = "topic"
    EVENT = "event"
    BEHIND = "behind"


@dataclass(frozen=True, slots=True)
class Failure:
    """One failure, with the code and the words of whoever refused."""

    kind: FailureClass
    code: int | None
    message: str
