"""Lets a command end when it is told to."""

import signal
from types import FrameType

from outbox.running import Stop


def stop_on_signals() -> Stop:
    """Return a stop that SIGTERM and SIGINT ask for; a second signal ends at once."""
    stop = Stop()

    def ask(number: int, _frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_DFL)
        stop.ask()

    signal.signal(signal.SIGTERM, ask)
    signal.signal(signal.SIGINT, ask)
    return stop
