"""The Celery application as it is, with a watch on Kafka's acknowledgements.

`celery --app tests.bench.stopwatch worker` writes the id of each event and the time at
which its delivery report came into the file that STOPWATCH names.
"""

import os
from collections.abc import Callable
from pathlib import Path
from time import time_ns
from typing import Any

import confluent_kafka

Report = Callable[[Any, Any], None]


class WatchedProducer(confluent_kafka.Producer):
    """A producer that notes when each message is acknowledged."""

    def __init__(self, *settings: Any, **more: Any) -> None:
        super().__init__(*settings, **more)
        self._file = Path(os.environ["STOPWATCH"]).open("a", 1, "utf-8")  # noqa: SIM115 -- closed with the process

    def produce(self, *args: Any, **more: Any) -> None:
        """Send the message, and note its id when its report comes."""
        event_id = dict(more["headers"])["ce_id"].decode()
        more["on_delivery"] = self._noting(event_id, more["on_delivery"])
        super().produce(*args, **more)

    def _noting(self, event_id: str, tell: Report) -> Report:
        def note(error: object, message: object) -> None:
            if error is None:
                self._file.write(f"{event_id} {time_ns()}\n")
            tell(error, message)

        return note


# Before anybody of ours imports it.
confluent_kafka.Producer = WatchedProducer  # type: ignore[misc]  # -- that is the watch

from opencore.celery import app  # noqa: E402 -- after the watch is in place

__all__ = ("app",)
