"""Drives django-celery-outbox, which sends Celery tasks: here to Redis."""

import logging
from collections.abc import Callable
from uuid import uuid4

import redis
import structlog
from django.core.management import call_command
from django.db import connection, transaction

from tests.bench.peers import driving

WORLD = driving.world()
QUEUE = "bench-django-celery-outbox"
TASK = "bench.told"
# One line for each message would be the larger part of the work.
structlog.configure(
    wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR),
    logger_factory=structlog.PrintLoggerFactory(),
)
driving.set_up_django(
    "django_celery_outbox", CELERY_OUTBOX_APP=f"{__package__}.django_celery_outbox.app"
)

from django_celery_outbox import (  # type: ignore[import-not-found]  # noqa: E402 -- in the peer's environment, once Django is set up
    OutboxCelery,
)

app = OutboxCelery("bench", broker=WORLD.redis)
app.conf.task_default_queue = QUEUE
app.conf.task_ignore_result = True


def drain(events: int, seconds: float) -> None:
    """Fill the table, then run the peer's relay: batches of 1,000, four threads."""
    queue = redis.Redis.from_url(WORLD.redis)
    queue.delete(QUEUE)
    driving.execute("truncate celery_outbox")
    _write(_tell)
    driving.multiply(
        "celery_outbox",
        "created_at, retries, task_id, task_name, args, kwargs, options,"
        " schema_version",
        "created_at, retries, gen_random_uuid()::text, task_name, args, kwargs,"
        " options, schema_version",
        events=events,
    )

    def arrived() -> int:
        return int(queue.llen(QUEUE))

    driving.watch(arrived, events=events, seconds=seconds)
    call_command("celery_outbox_relay", batch_size=1000, publish_concurrency=4)


def emit(events: int, pairs: int) -> None:
    """Measure what its documented way of telling costs."""

    def tell() -> None:
        for _ in range(events):
            _tell()

    driving.marginal(
        lambda: _write(lambda: None), lambda: _write(tell), events=events, pairs=pairs
    )


def _write(tell: Callable[[], None]) -> None:
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("insert into bench_row values (%s)", [uuid4()])
        tell()


def _tell() -> None:
    app.send_task(TASK, kwargs={"event": WORLD.event})


if __name__ == "__main__":
    driving.drive(drain=drain, emit=emit)
