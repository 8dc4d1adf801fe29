"""`manage.py consume_events --group billing`: hands events to an app's handlers."""

import os
import socket
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from opencore.events import TOPICS
from outbox.consumer import Consumer
from outbox.consuming import ConsumerUnknown, handlings_of
from outbox.kafka.source import KafkaSource
from outbox.management.stopping import stop_on_signals


class Command(BaseCommand):
    """Consume the events that one app handles, until stopped."""

    help = __doc__ or ""

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the app's name."""
        parser.add_argument("--group", required=True, help="the app whose handlers run")

    def handle(self, *_args: Any, group: str, **_options: Any) -> None:
        """Run until SIGTERM or SIGINT."""
        try:
            types = handlings_of(group)
        except ConsumerUnknown as error:
            raise CommandError(str(error)) from error
        topics = [
            topic
            for topic in TOPICS
            if any(kind.startswith(f"{topic}.") for kind in types)
        ]
        Consumer(
            consumer=group,
            source=KafkaSource(group=f"opencore.{group}", topics=topics),
            stop=stop_on_signals(),
            worker=f"{socket.gethostname()}:{os.getpid()}",
        ).run()
        self.stdout.write(f"Consumer {group} stopped; its offsets are committed.")
