"""What Celery does for the outbox."""

from functools import cache
from typing import Any

from celery import shared_task
from celery.signals import worker_shutting_down
from django.conf import settings
from django.utils import timezone

from outbox.kafka.publisher import KafkaPublisher
from outbox.replay.background import run_waiting
from outbox.replay.operations import PLANS_LIVE_FOR, forget_plans
from outbox.retention import maintain
from outbox.running import Stop, run_relay

_stop = Stop()


@cache
def _publisher() -> KafkaPublisher:
    # Kept from turn to turn: to connect takes longer than events should wait.
    return KafkaPublisher()


@worker_shutting_down.connect
def _end_the_turn(**_kwargs: Any) -> None:
    _stop.ask()


@shared_task(name="outbox.flush", acks_late=False)
def flush(**_kwargs: object) -> None:
    """Take the free lanes and send their events until the turn is over."""
    run_relay(publisher=_publisher(), stop=_stop, turn=settings.OUTBOX_TURN)


@shared_task(name="outbox.maintain")
def maintain_tables(**_kwargs: object) -> None:
    """Make the archive's next partitions and drop those that are old enough."""
    maintain()
    forget_plans(before=timezone.now() - PLANS_LIVE_FOR)


@shared_task(name="outbox.run_replays", acks_late=False)
def run_replays(**_kwargs: object) -> None:
    """Run the operations that nobody runs, also those that a dead worker left."""
    run_waiting(turn=settings.OUTBOX_REPLAY_TURN, going_on=lambda: not _stop.asked)
