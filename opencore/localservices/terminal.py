"""What the processes say: all of it into logs, what matters onto the terminal."""

import re
import sys
from pathlib import Path
from threading import Thread

from opencore.localservices.process import Child

COLORS = (36, 33, 35, 32, 34, 96, 93, 95, 92, 94)
# Lines of trouble, and the mail that a newcomer waits for.
MATTERS = re.compile(
    r"\[(error|critical)\s*\]|^Traceback\b|^mail to\b|^OpenCore does not",
    re.IGNORECASE,
)


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
        with Path(child.log).open("ab") as log:
            for line in iter(output.readline, b""):
                log.write(line)
                log.flush()
                text = line.decode("utf-8", "replace").rstrip()
                if MATTERS.search(text):
                    self.say(text, who=child.name)

    def _paint(self, who: str) -> str:
        if not sys.stdout.isatty():
            return f"[{who}]"
        color = self._colors.setdefault(who, COLORS[len(self._colors) % len(COLORS)])
        return f"\x1b[{color}m[{who}]\x1b[0m"
