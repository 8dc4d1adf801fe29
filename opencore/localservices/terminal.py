"""What the processes say: all of it into logs, what matters onto the terminal."""

import re
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from time import monotonic

from opencore.localservices.process import Child

COLORS = (36, 33, 35, 32, 34, 96, 93, 95, 92, 94)
# Lines of trouble, of its end, and the mail that a newcomer waits for.
MATTERS = re.compile(
    r"\[(error|critical)\s*\]|^mail to\b|^OpenCore does not|\banswers? again\b",
    re.IGNORECASE,
)
# Where a traceback ends, if what it tells of is only a part that is away.
OUTAGE = re.compile(
    r"^[\w.]*(ConnectionError|ConnectionRefusedError|ConnectionResetError|TimeoutError"
    r"|OperationalError|InterfaceError|BusyLoadingError|DatabaseUnreachable)\b"
)
# An outage is the same trouble again and again: it is said once in so many seconds.
REPEATED_AFTER = 30.0
PARTICULARS = re.compile(r"^\S+Z\s|\d+|error=.*$")


class Extract:
    """Takes from what one process says what a person at the terminal must know."""

    def __init__(self, *, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._said_at: dict[str, float] = {}
        self._traceback: list[str] = []

    def of(self, line: str) -> list[str]:
        """Return what is to be printed, now that this line came."""
        if line.startswith("Traceback (most recent call last)"):
            self._traceback = [line]
            return []
        if self._traceback:
            return self._go_on(line)
        if not MATTERS.search(line) or self._was_said(line):
            return []
        return [line]

    def _go_on(self, line: str) -> list[str]:
        self._traceback.append(line)
        if not line or line.startswith((" ", "\t")):
            return []
        whole, self._traceback = self._traceback, []
        return [] if OUTAGE.match(line) or self._was_said(line) else whole

    def _was_said(self, line: str) -> bool:
        if line.startswith("mail to"):
            return False
        trouble, now = PARTICULARS.sub("", line), self._clock()
        if now - self._said_at.get(trouble, float("-inf")) < REPEATED_AFTER:
            return True
        self._said_at[trouble] = now
        return False


class Terminal:
    """Prints whole lines, each with the name of who says it."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._colors: dict[str, int] = {}

    def say(self, text: str = "", *, who: str = "") -> None:
        """Print a line of ours, or of a part."""
        if self._quiet and not who:
            return
        prefix = f"{self._paint(who)} " if who else ""
        sys.stdout.write(f"{prefix}{text}\n")
        sys.stdout.flush()

    def listen(self, child: Child) -> None:
        """Write what the child says to its log, and what matters to the terminal."""
        Thread(target=self._copy, args=(child,), daemon=True).start()

    def _copy(self, child: Child) -> None:
        output = child.output
        if output is None:
            return
        extract = Extract()
        with Path(child.log).open("ab") as log:
            for line in iter(output.readline, b""):
                log.write(line)
                log.flush()
                text = line.decode("utf-8", "replace").rstrip()
                for said in extract.of(text):
                    self.say(said, who=child.name)

    def _paint(self, who: str) -> str:
        if not sys.stdout.isatty():
            return f"[{who}]"
        color = self._colors.setdefault(who, COLORS[len(self._colors) % len(COLORS)])
        return f"\x1b[{color}m[{who}]\x1b[0m"
