"""A message as it came from Kafka, and whom it comes from."""

import base64
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Received:
    """A message with its place in the log."""

    topic: str
    partition: int
    offset: int
    key: str
    payload: bytes
    headers: list[tuple[str, bytes]]

    def printable_headers(self) -> list[list[str]]:
        """Return the headers for a JSON column, their bytes in base64."""
        return [
            [name, base64.b64encode(value).decode()] for name, value in self.headers
        ]


class Source(Protocol):
    """What the consumer needs of Kafka; tests pass their own."""

    def receive(self, *, limit: int, seconds: float) -> list[Received]:
        """Wait for a message; return it with those that are there as well, in order."""

    def done(self, received: Received) -> None:
        """Note that this message, and its partition up to it, are dealt with."""

    def stay(self) -> None:
        """Remain a member of the group without reading on."""

    def close(self) -> None:
        """Commit what was noted and leave the group."""
