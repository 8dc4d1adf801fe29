"""What writers know of their own writes, kept outside of PostgreSQL and Kafka.

Before each commit the intent is noted, after it the outcome. Whoever died or lost the
connection in between leaves the outcome open; only the tables can tell it later.
"""

import json
import os
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any


class Outcome(StrEnum):
    """What became of a transaction, as far as its writer knows."""

    ACKED = "acked"
    ROLLED_BACK = "rolledback"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Write:
    """One event that somebody meant to commit; the version counts its key's changes."""

    event_id: str
    key: str
    version: int


class OracleLog:
    """One writer's log: lines are appended whole and never changed."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def intend(self, write: Write) -> None:
        """Note what is about to be committed."""
        self._append(["intent", write.event_id, write.key, write.version])

    def tell(self, writes: Iterable[Write], outcome: Outcome) -> None:
        """Note what became of it."""
        for write in writes:
            self._append([outcome, write.event_id])

    def _append(self, line: list[Any]) -> None:
        os.write(self._file, f"{json.dumps(line)}\n".encode())


@dataclass
class Oracle:
    """What all writers of a run noted."""

    intents: dict[str, Write] = field(default_factory=dict)
    outcomes: dict[str, Outcome] = field(default_factory=dict)

    def of(self, outcome: Outcome) -> dict[str, Write]:
        """Return the writes that came to this; what has no outcome is unknown."""
        return {
            event_id: write
            for event_id, write in self.intents.items()
            if self.outcomes.get(event_id, Outcome.UNKNOWN) is outcome
        }

    def expected(self, stored: Collection[str]) -> dict[str, Write]:
        """Return what must be delivered, where the unknown is decided by the tables."""
        unknown = self.of(Outcome.UNKNOWN)
        found = {name: write for name, write in unknown.items() if name in stored}
        return self.of(Outcome.ACKED) | found


def read_oracle(paths: Iterable[Path]) -> Oracle:
    """Read the logs of a run; a killed writer's last line may be cut short."""
    oracle = Oracle()
    for path in paths:
        *lines, _cut = path.read_text("utf-8").split("\n")
        for line in lines:
            kind, event_id, *rest = json.loads(line)
            if kind == "intent":
                oracle.intents[event_id] = Write(event_id, *rest)
            else:
                oracle.outcomes[event_id] = Outcome(kind)
    return oracle
