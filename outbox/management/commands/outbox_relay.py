"""`manage.py outbox_relay`: the relay without Celery."""

from typing import Any

from django.core.management.base import BaseCommand

from outbox.kafka.publisher import KafkaPublisher
from outbox.management.stopping import stop_on_signals
from outbox.running import run_relay


class Command(BaseCommand):
    """Send waiting events to Kafka until stopped; stand by while others do."""

    help = __doc__ or ""

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Run until SIGTERM or SIGINT."""
        publisher = KafkaPublisher()
        tally = run_relay(publisher=publisher, stop=stop_on_signals())
        publisher.close()
        self.stdout.write(
            f"Relayed {tally.sent} events;"
            f" {tally.retried} postponed, {tally.dead} dead."
        )
