"""What of a part's output a person sees: each outage twice, each bug whole."""

import re
from dataclasses import dataclass, field

# Lines of trouble, and the mail that a newcomer waits for.
MATTERS = re.compile(
    r"\[(error|critical)\s*\]|^mail to\b|^OpenCore does not", re.IGNORECASE
)
TRACEBACK = re.compile(r"^Traceback \(most recent call last\):")
LINKS = ("During handling of the above exception", "The above exception was the direct")
# How each way of not reaching PostgreSQL, Redis or Kafka ends a traceback or a line.
OUTAGE = re.compile(
    r"(^|\.|\b)(OperationalError|InterfaceError|ConnectionError|ConnectionRefusedError"
    r"|ConnectionResetError|BrokenPipeError|TimeoutError|KafkaUnreachable"
    r"|PoolTimeout|AdminShutdown)\b"
    r"|(does|did) not answer|did not deliver|Couldn't apply scheduled task"
    r"|Cannot connect to|Connection to broker lost"
)
TOLD_TO_END = re.compile(r"events wait")
ENDED = re.compile(r"answers again")
QUIET_AFTER = 12.0
# A chained traceback goes on after an empty line.
MORE_WITHIN = 0.5
LONGEST_TRACEBACK = 2000


@dataclass
class Story:
    """One part's output, line by line, as somebody should be told it."""

    last_trouble: float | None = None
    _waits_for_word: bool = False
    _traceback: list[str] = field(default_factory=list)
    _ended_traceback: bool = False
    _heard_at: float = 0.0

    def hear(self, line: str, *, now: float) -> list[str]:
        """Return what is to be printed now that the part said this."""
        if TRACEBACK.match(line) or self._traceback:
            return self._hear_traceback(line, now)
        if ENDED.search(line):
            return self._end(now, by_word=True)
        if not MATTERS.search(line):
            return []
        if OUTAGE.search(line):
            return self._suffer(line, now)
        return [line]

    def look(self, *, now: float) -> list[str]:
        """Return what is to be printed as time went by without a line."""
        whole = self._ended_traceback and now - self._heard_at > MORE_WITHIN
        told = self._finish(now) if whole else []
        return [*told, *self._end(now, by_word=False)]

    def _hear_traceback(self, line: str, now: float) -> list[str]:
        goes_on = (
            not line
            or line.startswith((" ", "\t", *LINKS))
            or TRACEBACK.match(line) is not None
        )
        if self._ended_traceback and not goes_on:
            return [*self._finish(now), *self.hear(line, now=now)]
        self._traceback.append(line)
        self._heard_at = now
        self._ended_traceback = not goes_on or (
            self._ended_traceback and TRACEBACK.match(line) is None
        )
        if len(self._traceback) > LONGEST_TRACEBACK:
            return self._finish(now)
        return []

    def _finish(self, now: float) -> list[str]:
        lines, self._traceback = self._traceback, []
        self._ended_traceback = False
        said = [line for line in lines if line and not line.startswith((" ", "\t"))]
        if said and OUTAGE.search(said[-1]):
            return self._suffer(said[-1], now)
        return lines

    def _suffer(self, line: str, now: float) -> list[str]:
        begins = self.last_trouble is None
        self.last_trouble = now
        self._waits_for_word = TOLD_TO_END.search(line) is not None
        return [line] if begins else []

    def _end(self, now: float, *, by_word: bool) -> list[str]:
        if self.last_trouble is None:
            return []
        if not by_word and (
            self._waits_for_word or now - self.last_trouble < QUIET_AFTER
        ):
            return []
        self.last_trouble, self._waits_for_word = None, False
        return ["goes on; the outage is over"]
