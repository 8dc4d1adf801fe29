"""What the processes say: all of it into logs, what matters onto the terminal."""

import sys
from pathlib import Path
from threading import Lock, Thread
from time import monotonic

from opencore.localservices.process import Child
from opencore.localservices.story import Story

COLORS = (36, 33, 35, 32, 34, 96, 93, 95, 92, 94)


class Terminal:
    """Prints whole lines, each with the name of who says it."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._colors: dict[str, int] = {}
        self._stories: dict[str, Story] = {}
        # Each part is heard in a thread of its own; the supervisor looks at all.
        self._lock = Lock()

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

    def look(self) -> None:
        """Say which outages are over; called every now and then."""
        with self._lock:
            for name, story in self._stories.items():
                for text in story.look(now=monotonic()):
                    self.say(text, who=name)

    def hear(self, text: str, *, who: str) -> None:
        """Print what of this line somebody should see."""
        with self._lock:
            story = self._stories.setdefault(who, Story())
            for shown in story.hear(text, now=monotonic()):
                self.say(shown, who=who)

    def _copy(self, child: Child) -> None:
        output = child.output
        if output is None:
            return
        with Path(child.log).open("ab") as log:
            for line in iter(output.readline, b""):
                log.write(line)
                log.flush()
                self.hear(line.decode("utf-8", "replace").rstrip(), who=child.name)

    def _paint(self, who: str) -> str:
        if not sys.stdout.isatty():
            return f"[{who}]"
        color = self._colors.setdefault(who, COLORS[len(self._colors) % len(COLORS)])
        return f"\x1b[{color}m[{who}]\x1b[0m"
