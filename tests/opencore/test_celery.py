"""Tasks belong to the request that asked for them, and outages are told in a line."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from redis import Redis

from opencore.celery import app
from opencore.context import working_for
from opencore.localservices.parts import PYTHON
from opencore.localservices.process import Child
from tests.opencore.worker_tasks import QUEUE, RAN, meet_outage, remember

PATIENCE = 30
WORKER = ("-m", "celery", "--app", "tests.opencore.worker_tasks", "worker")


@pytest.fixture
def broker() -> Iterator[Redis]:
    """The broker, without a message of these tests."""
    with Redis.from_url(
        settings.REDIS_URL, decode_responses=True, socket_timeout=2 * PATIENCE
    ) as client:
        client.delete(QUEUE, RAN)
        yield client
        client.delete(QUEUE, RAN)


@pytest.fixture
def worker(broker: Redis, tmp_path: Path) -> Iterator[Child]:
    """A real worker of the queue of these tests."""
    child = Child(
        "worker",
        (PYTHON, "-W", "ignore", *WORKER, "--pool", "solo", "--queues", QUEUE),
        log=tmp_path / "worker.log",
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "opencore.settings.test"},
    )
    yield child
    child.kill()


def sent(broker: Redis) -> Any:  # noqa: ANN401 -- JSON is any shape
    """Return the headers of the one message that waits."""
    (message,) = broker.lrange(QUEUE, 0, -1)
    return json.loads(message)["headers"]


def ran(broker: Redis) -> str:
    """Return what the next task to run said."""
    said: Any = broker.blpop([RAN], timeout=PATIENCE)
    assert said is not None, "no task ran in time"
    return str(said[1])


def test_a_task_carries_the_id_of_its_request(broker: Redis) -> None:
    with working_for(request_id="request-of-ada"):
        remember.apply_async(queue=QUEUE)

    assert sent(broker)["request_id"] == "request-of-ada"


def test_a_task_that_no_request_asked_for_gets_an_id_of_its_own(broker: Redis) -> None:
    remember.apply_async(queue=QUEUE)

    assert len(sent(broker)["request_id"]) == 36


def test_a_worker_works_under_the_id_of_the_request_and_tells_outages_in_a_line(
    broker: Redis, worker: Child
) -> None:
    request_id = uuid4().hex
    with working_for(request_id=request_id):
        meet_outage.apply_async(queue=QUEUE)
        remember.apply_async(queue=QUEUE)

    assert (ran(broker), ran(broker)) == ("outage", request_id)
    log = worker.log.read_text("utf-8")
    (told,) = [line for line in log.splitlines() if "database did not answer" in line]
    assert json.loads(told)["task"] == "tests.meet_outage"
    assert json.loads(told)["request_id"] == request_id
    assert "Traceback" not in log


def test_what_beat_starts_exists_and_is_not_run_late() -> None:
    app.loader.import_default_modules()

    assert {entry["task"] for entry in app.conf.beat_schedule.values()} <= set(
        app.tasks
    )
    assert all(
        entry["options"]["expires"] == entry["schedule"]
        for entry in app.conf.beat_schedule.values()
    )
