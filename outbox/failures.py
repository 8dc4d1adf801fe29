"""Whose fault it is that an event could not be sent or handled."""

from dataclasses import dataclass
from enum import StrEnum


class FailureClass(StrEnum):
    """What a failure is blamed on; only an event's own fault counts as an attempt.

    Suspect is each message of a batch in which one was refused for good: which one
    shows when they are sent alone. Behind is what was not sent for that reason.
    """

    CLUSTER = "cluster"
    TOPIC = "topic"
    EVENT = "event"
    SUSPECT = "suspect"
    BEHIND = "behind"


@dataclass(frozen=True, slots=True)
class Failure:
    """One failure, with the code and the words of whoever refused."""

    kind: FailureClass
    code: int | None
    message: str
