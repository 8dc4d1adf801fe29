"""On what a run was made: the machine without its name, versions, settings."""

import os
import platform
import re
from datetime import UTC, datetime
from importlib.metadata import version

import confluent_kafka
import psutil
from django.conf import settings
from django.db import connection

from tests.bench.contest import debian, today
from tests.bench.contest.debian import Tools

PACKAGES = (
    *("django", "djangorestframework", "celery", "psycopg", "confluent-kafka"),
    *("redis", "pyjwt", "gunicorn", "uvicorn", "uvloop"),
)
ASKED = (
    "server_version",
    "fsync",
    "synchronous_commit",
    "full_page_writes",
    "shared_buffers",
    "max_wal_size",
)


def describe(*, kafka: str, options: dict[str, object]) -> dict[str, str]:
    """Return what a reader must know to judge the figures."""
    python = f"Python {platform.python_version()}"
    packages = [f"{name} {version(name)}" for name in PACKAGES]
    server = _postgresql()
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "machine": _machine(),
        "load average before the run": f"{os.getloadavg()[0]:.1f}",
        "system": f"{platform.system()} {platform.release()}",
        "packages": ", ".join([python, *packages]),
        "peers of the gateway": ", ".join(_gateways_peers()),
        "librdkafka": str(confluent_kafka.libversion()[0]),
        "Apache Kafka": kafka,
        "PostgreSQL": ", ".join(f"{name} {found}" for name, found in server.items()),
        "relay": (
            f"{settings.OUTBOX_LANES} lanes, batches of {settings.OUTBOX_BATCH_ROWS}"
            f" events, {settings.KAFKA_PARTITIONS} partitions (mock: 4)"
        ),
        "options": ", ".join(f"{name} {_told(it)}" for name, it in options.items()),
    }


def _told(value: object) -> str:
    if isinstance(value, list):
        return " + ".join(map(str, value)) or "none"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _machine() -> str:
    memory = psutil.virtual_memory().total / 1024**3
    return f"{os.cpu_count()} cores {platform.machine()}, {memory:.0f} GiB"


def _gateways_peers() -> list[str]:
    pins = re.findall(r"^(requests|httpx)==(\S+)", today.LOCK.read_text(), re.MULTILINE)
    tools = Tools(debian.HOME)
    nginx = [f"nginx {tools.version()}"] if tools.nginx.exists() else []
    return [*nginx, *(f"{name} {version}" for name, version in pins)]


def _postgresql() -> dict[str, str]:
    found = {}
    with connection.cursor() as cursor:
        for name in ASKED:
            cursor.execute("select current_setting(%s)", [name])
            (found[name],) = cursor.fetchone() or ("?",)
    return found
