"""The processes of a running system, beside its services."""

import sys
from collections.abc import Callable
from dataclasses import dataclass

PYTHON = sys.executable


@dataclass(frozen=True)
class Part:
    """One process: its name, its command, and whether it needs Kafka to begin."""

    name: str
    command: Callable[[int], tuple[str, ...]]
    after_kafka: bool = False


def _module(*arguments: str) -> Callable[[int], tuple[str, ...]]:
    return lambda _port: (PYTHON, "-m", *arguments)


def _manage(*arguments: str) -> Callable[[int], tuple[str, ...]]:
    return lambda _port: (PYTHON, "manage.py", *arguments)


def _api(port: int) -> tuple[str, ...]:
    return (
        *(PYTHON, "-m", "gunicorn", "--config", "python:opencore.gunicorn"),
        *("--bind", f"127.0.0.1:{port}", "--workers", "1"),
        "opencore.asgi:application",
    )


def _worker(queue: str, pool: str, *more: str) -> Callable[[int], tuple[str, ...]]:
    return _module(
        *("celery", "--app", "opencore", "worker", "--queues", queue),
        *("--pool", pool, "--hostname", f"{queue}@%h", "--loglevel", "WARNING"),
        *("--without-gossip", "--without-mingle", *more),
    )


PARTS = (
    Part("api", _api),
    Part("worker", _worker("default", "threads", "--concurrency", "2")),
    Part("outbox-worker", _worker("outbox", "solo")),
    Part(
        "beat", _module("celery", "--app", "opencore", "beat", "--loglevel", "WARNING")
    ),
    Part("relay", _manage("outbox_relay"), after_kafka=True),
    Part(
        "accounts-consumer",
        _manage("consume_events", "--group", "accounts"),
        after_kafka=True,
    ),
    Part(
        "billing-consumer",
        _manage("consume_events", "--group", "billing"),
        after_kafka=True,
    ),
    Part(
        "notifications-consumer",
        _manage("consume_events", "--group", "notifications"),
        after_kafka=True,
    ),
)
