"""Whether this process lives, has started, and can serve: three questions."""

import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotInTime
from dataclasses import dataclass
from typing import ClassVar

import psycopg
import redis
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.db.utils import Error
from django.http import HttpRequest, HttpResponse, JsonResponse

from opencore import sealing
from opencore.database import ask_database, unapplied_migrations
from opencore.draining import is_draining
from opencore.problems import problem_response
from opencore.problems.answering import named

LONGEST_STARVATION = 5.0
KAFKA_PORT = 9092


class Probe:
    """Asks a question at most once a second, in a thread of its own.

    Whoever asks gets an answer within the deadline: a question that hangs is a no, and
    no second one is asked before it ends.
    """

    kept: ClassVar[float] = 1.0

    def __init__(self, ask: Callable[[], None], *, deadline: float) -> None:
        self._ask = ask
        self._deadline = deadline
        self._lock = threading.Lock()
        self._thread: ThreadPoolExecutor | None = None
        self._asked: Future[None] | None = None
        self._answer = False
        self._known_until = 0.0

    def answers(self) -> bool:
        """Tell whether the question was answered without an error."""
        with self._lock:
            if time.monotonic() < self._known_until:
                return self._answer
            self._answer = self._find_out()
            self._known_until = time.monotonic() + self.kept
            return self._answer

    def forget(self) -> None:
        """Ask anew next time."""
        self._known_until = 0.0

    def _find_out(self) -> bool:
        # An answer that came after nobody waited any more is too old to tell anything.
        if self._asked is None or self._asked.done():
            self._thread = self._thread or ThreadPoolExecutor(max_workers=1)
            self._asked = self._thread.submit(self._ask)
        try:
            self._asked.result(self._deadline)
        except NotInTime:
            return False
        except (psycopg.Error, redis.RedisError, OSError, ValueError):
            self._asked = None
            return False
        self._asked = None
        return True


@dataclass(frozen=True, slots=True)
class Probes:
    """The questions that readiness asks; only the database's decides."""

    database: Probe
    redis: Probe
    kafka: Probe


def livez(_: HttpRequest) -> HttpResponse:
    """Say that the process answers; nothing else is asked."""
    return JsonResponse({"status": "alive"})


def readyz(request: HttpRequest) -> HttpResponse:
    """Say whether requests may be sent here; without Redis or Kafka they still may."""
    if is_draining():
        return _not_ready(request, "draining")
    if not (settings.GATEWAY_ALONE or probes.database.answers()):
        return _not_ready(request, "database")
    if _starved_for() > LONGEST_STARVATION:
        return _not_ready(request, "saturated")
    parts = {"redis": probes.redis.answers()}
    if not settings.GATEWAY_ALONE:
        parts["kafka"] = probes.kafka.answers()
    if all(parts.values()):
        return JsonResponse({"status": "ready"})
    checks = {name: "up" if up else "down" for name, up in parts.items()}
    return JsonResponse({"status": "degraded", "checks": checks})


def startupz(request: HttpRequest) -> HttpResponse:
    """Say whether the keys are loaded and the migrations applied."""
    if not _keys_are_loaded():
        return _not_ready(request, "keys")
    if settings.GATEWAY_ALONE:
        return JsonResponse({"status": "started"})
    if not probes.database.answers():
        return _not_ready(request, "database")
    try:
        missing = unapplied_migrations()
    except Error:
        return _not_ready(request, "database")
    if missing:
        return _not_ready(request, "migrations")
    return JsonResponse({"status": "started"})


def _not_ready(request: HttpRequest, reason: str) -> HttpResponse:
    problem = named(
        "draining" if reason == "draining" else "not_ready",
        headers={"Retry-After": "1"},
        retryable="yes",
        extensions={"reason": reason},
    )
    return problem_response(problem, request)


def _starved_for() -> float:
    pool = getattr(connection, "pool", None)
    return pool.starved_for() if pool is not None else 0.0


def _keys_are_loaded() -> bool:
    try:
        sealing.check_keys()
    except ImproperlyConfigured:
        return False
    return bool(settings.JWT_SIGNING_KEY and settings.JWT_REFRESH_SIGNING_KEY)


def _ask_database() -> None:
    ask_database(deadline=1.0)


def _ask_redis() -> None:
    asking = redis.Redis.from_url(
        settings.REDIS_URL, socket_timeout=0.2, socket_connect_timeout=0.2
    )
    with asking:
        asking.ping()


def _ask_kafka() -> None:
    # That a broker listens is all that this needs to know; the relay knows the rest.
    servers = settings.KAFKA.get("bootstrap.servers", "").split(",")
    problem: OSError = OSError("no server is named")
    for server in servers:
        host, colon, port = server.strip().rpartition(":")
        address = (host.strip("[]"), int(port)) if colon else (port, KAFKA_PORT)
        try:
            socket.create_connection(address, timeout=0.2).close()
        except OSError as error:
            problem = error
        else:
            return
    raise problem


probes = Probes(
    database=Probe(_ask_database, deadline=1.0),
    redis=Probe(_ask_redis, deadline=0.3),
    kafka=Probe(_ask_kafka, deadline=0.3),
)
