"""Shows on a terminal how far a command is."""

import logging
from typing import TextIO

import click

log = logging.getLogger("outbox")


class ProgressBar:
    """A bar with the number of events, their share and the time that is left.

    As long as it is there, log lines about single events do not run through it.
    """

    def __init__(self, *, total: int, stream: TextIO) -> None:
        self._shown = 0
        self._bar = click.progressbar(
            length=total,
            label="events",
            show_pos=True,
            show_percent=True,
            file=stream,
        )
        self._level = log.level
        log.setLevel(logging.ERROR)
        self._bar.render_progress()

    def show(self, number: int) -> None:
        """Move the bar to this number of events."""
        self._bar.update(number - self._shown)
        self._shown = number

    def end(self) -> None:
        """Begin a new line and show the cursor again."""
        self._bar.render_finish()
        log.setLevel(self._level)
