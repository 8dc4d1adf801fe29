"""Runs a command of manage.py that is killed at one step: `dying.py STEP COMMAND …`.

SIGKILL at a named place, and not at some time, so that each step is met in each run.
"""

import os
import signal
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any, NoReturn

# Where each step is: module, class, method, and whether to die before it or after.
STEPS = {
    "before the first is sent": ("outbox.kafka.publisher", "KafkaPublisher", "send", "before"),
    "sent but not recorded": ("outbox.backlog", "Backlog", "mark_delivered", "before"),
    "recorded": ("outbox.backlog", "Backlog", "mark_delivered", "after"),
    "before the handler": ("outbox.consumer", "Consumer", "_handle", "before"),
    "handled but not committed": ("outbox.consumer", "Consumer", "_handle", "after"),
    "committed but not noted": ("outbox.kafka.source", "KafkaSource", "done", "before"),
    "noted": ("outbox.kafka.source", "KafkaSource", "done", "after"),
}  # fmt: skip


def main() -> None:
    """Spoil the step, then run the command as a deployment does."""
    step, *command = sys.argv[1:]
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "opencore.settings.local")
    import django  # noqa: PLC0415 -- settings are read when it is set up

    django.setup()
    _spoil(*STEPS[step])
    from django.core.management import call_command  # noqa: PLC0415 -- as above

    call_command(*command)


def _spoil(module: str, owner: str, method: str, moment: str) -> None:
    place = getattr(import_module(module), owner)
    honest: Callable[..., Any] = getattr(place, method)

    def dying(*arguments: Any, **named: Any) -> NoReturn:
        if moment == "after":
            honest(*arguments, **named)
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("unreachable")

    setattr(place, method, dying)


if __name__ == "__main__":
    main()
