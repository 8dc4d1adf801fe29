"""Tasks that a real worker runs for the tests; `app` is what the worker is given."""

from django.conf import settings
from django.db import OperationalError
from redis import Redis

from opencore.celery import OpenCoreTask, app
from opencore.context import current_request_id

QUEUE, RAN = "tests", "tests:ran"

__all__ = ("app",)


def tell(what: str) -> None:
    with Redis.from_url(settings.REDIS_URL) as client:
        client.rpush(RAN, what)


@app.task(name="tests.remember", base=OpenCoreTask)
def remember() -> None:
    tell(current_request_id() or "")


@app.task(name="tests.meet_outage", base=OpenCoreTask)
def meet_outage() -> None:
    tell("outage")
    raise OperationalError("connection refused")
