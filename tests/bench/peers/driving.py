"""What the drivers of peers share; it runs in the environment of each peer."""

import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from threading import Event, Thread
from time import perf_counter, process_time
from typing import Any

import psycopg
from confluent_kafka import Consumer, TopicPartition
from psycopg.conninfo import conninfo_to_dict

LOOK_AGAIN = 0.05


@dataclass(frozen=True, slots=True)
class World:
    """Where the services are, and what is sent."""

    database: str
    kafka: str
    redis: str
    topic: str
    event: dict[str, Any]


def world() -> World:
    """Return what the bench told by its environment."""
    told = json.loads(os.environ["BENCH_WORLD"])
    return World(**{**told, "event": json.loads(told["event"])})


def kafka_config() -> dict[str, Any]:
    """Return a producer's configuration: as safe as OpenCore's own."""
    return {
        "bootstrap.servers": world().kafka,
        "enable.idempotence": True,
        "acks": "all",
        "linger.ms": 2,
        "partitioner": "murmur2_random",
        "log_level": 3,
    }


def execute(query: str, *values: object) -> Any:  # noqa: ANN401 -- whatever is asked for
    """Return the first value of a statement's first row, if it has any."""
    with psycopg.connect(world().database, autocommit=True) as connection:
        cursor = connection.execute(query.encode(), values or None)
        row = cursor.fetchone() if cursor.description else None
    return row[0] if row else None


def arrived_in_kafka() -> Callable[[], int]:
    """Return what counts the messages that ever came to the topic."""
    consumer = Consumer(
        {"bootstrap.servers": world().kafka, "group.id": "bench", "log_level": 3}
    )
    topic = world().topic
    partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
    places = [TopicPartition(topic, number) for number in partitions]

    def count() -> int:
        return sum(
            consumer.get_watermark_offsets(place, timeout=10)[1] for place in places
        )

    return count


def watch(arrived: Callable[[], int], *, events: int, seconds: float) -> None:
    """Begin the clock; end this process when all arrived, or when the time is over."""
    before, began, cpu = arrived(), perf_counter(), process_time()

    def look() -> None:
        found = 0
        while found < events and perf_counter() - began < seconds:
            Event().wait(LOOK_AGAIN)
            found = arrived() - before
        spent, burnt = perf_counter() - began, process_time() - cpu
        answer({"rate": found / spent, "cpu_us": burnt / max(found, 1) * 1e6})
        os._exit(0)

    Thread(target=look).start()


def marginal(
    plain: Callable[[], object], told: Callable[[], object], *, events: int, pairs: int
) -> None:
    """Answer with what each event adds to a transaction, in microseconds."""
    without, with_events = [], []
    for _ in range(pairs):
        without.append(_lasts(plain))
        with_events.append(_lasts(told))
    answer({"us": (median(with_events) - median(without)) / events * 1e6})


def answer(found: dict[str, float]) -> None:
    """Tell the bench what was measured."""
    Path(os.environ["BENCH_ANSWER"]).write_text(json.dumps(found), "utf-8")


def drive(
    *,
    drain: Callable[[int, float], object],
    emit: Callable[[int, int], object],
) -> None:
    """Do what the command line asks for."""
    verb, first, second = sys.argv[1:]
    if verb == "drain":
        drain(int(first), float(second))
    else:
        emit(int(first), int(second))


def set_up_django(app: str, **more: object) -> None:
    """Configure Django for one app over the bench's database, and make its tables."""
    import django  # noqa: PLC0415 -- not every peer has it
    from django.conf import settings  # noqa: PLC0415 -- as above
    from django.core.management import call_command  # noqa: PLC0415 -- as above

    if settings.configured:
        return
    parts = conninfo_to_dict(world().database)
    settings.configure(
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.postgresql",
                "NAME": parts["dbname"],
                "USER": parts["user"],
                "PASSWORD": parts["password"],
                "HOST": parts["host"],
                "PORT": parts["port"],
            }
        },
        INSTALLED_APPS=["django.contrib.contenttypes", app],
        USE_TZ=True,
        **more,
    )
    django.setup()
    call_command("migrate", verbosity=0)
    execute("create table if not exists bench_row (id uuid primary key)")


def multiply(table: str, columns: str, values: str, *, events: int) -> None:
    """Make one row that the peer wrote into so many."""
    execute(
        f"insert into {table} ({columns}) select {values} from {table},"  # noqa: S608 -- names from the drivers
        " generate_series(2, %s)",
        events,
    )
    execute(f"vacuum analyze {table}")


def _lasts(act: Callable[[], object]) -> float:
    began = perf_counter()
    act()
    return perf_counter() - began
