"""A whole system of the tests' own, whose parts are really killed and stopped."""

import json
import os
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Any
from uuid import uuid4

import psycopg
import urllib3
from django.conf import settings
from psycopg.rows import scalar_row

from opencore.localservices.parts import PARTS, PYTHON
from opencore.localservices.places import answers
from opencore.localservices.process import Child
from opencore.localservices.services import LocalServices

ROOT = Path(__file__).resolve().parent.parent.parent
PATIENCE = 60.0
LOOK_AGAIN = 0.05
API, RELAY, OUTBOX_WORKER = "api", "relay", "outbox-worker"
CONSUMERS = ("billing-consumer", "notifications-consumer")


@dataclass(frozen=True, slots=True)
class Answer:
    """What the system answered, and after how many seconds."""

    status: int
    headers: Mapping[str, str]
    body: Any
    seconds: float


@dataclass
class Visitor:
    """Speaks to a server over HTTP; connections are kept and never retried."""

    base: str
    token: str = ""
    pool: urllib3.PoolManager = field(
        default_factory=lambda: urllib3.PoolManager(maxsize=16, retries=False)
    )

    def ask(
        self, method: str, path: str, body: object = None, **headers: str
    ) -> Answer:
        """Return the answer, whatever it is."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.token:
            sent["Authorization"] = f"Bearer {self.token}"
        if body is not None:
            sent["Content-Type"] = "application/json"
        began = monotonic()
        response = self.pool.request(
            method,
            self.base + path,
            body=None if body is None else json.dumps(body),
            headers=sent,
            timeout=urllib3.Timeout(connect=5, read=30),
            redirect=False,
        )
        kind = response.headers.get("Content-Type", "")
        said = json.loads(response.data or b"null") if "json" in kind else None
        return Answer(response.status, response.headers, said, monotonic() - began)

    def done(self, method: str, path: str, body: object = None, **headers: str) -> Any:  # noqa: ANN401 -- JSON is any shape
        """Return what was answered to a request that must succeed."""
        answer = self.ask(method, path, body, **headers)
        assert answer.status < 300, (answer.status, answer.body)
        return answer.body


class System:
    """Services and processes as `make run` starts them, in folders of their own."""

    def __init__(self, profile: str = "failures") -> None:
        self.services = LocalServices(
            root=ROOT, profile=profile, say=lambda _line: None, environment={}
        )
        self.children: dict[str, Child] = {}
        self.environment: dict[str, str] = {}
        self.port = 0

    def start(self) -> None:
        """Start all of it, with an empty database and empty topics."""
        self.services.start(wait=True)
        self.prepare()
        for part in PARTS:
            self.launch(part.name)
        self.until(lambda: answers(self.port), "the API answers")
        self.until(self.is_ready, "the API is ready")

    def prepare(self) -> None:
        """Make an empty database and the topics for processes that are to come."""
        self.port = self.services.places.port("api")
        self.services.wait_ready()
        self.environment = self._environment()
        Path(self.environment["OPENCORE_LOCAL_DIR"]).mkdir(exist_ok=True)
        self._forget_everything()
        self.manage("migrate", "--verbosity", "0")
        self.manage("create_topics")

    def replace_ended(self) -> list[str]:
        """Start parts that ended again, forget what else ended; return their names."""
        ended = [name for name, child in self.children.items() if not child.running]
        for name in ended:
            del self.children[name]
        for part in PARTS:
            if part.name in ended:
                self.launch(part.name)
        return ended

    def stop(self) -> None:
        """End all of it."""
        for child in self.children.values():
            child.kill()
        self.services.stop()

    def urls(self) -> dict[str, str]:
        """Return where processes find the services."""
        return self.services.urls()

    @property
    def url(self) -> str:
        """Return where the gateway and the API are."""
        return f"http://127.0.0.1:{self.port}"

    def visitor(self) -> Visitor:
        """Return somebody who is not signed in."""
        return Visitor(self.url)

    def is_ready(self) -> bool:
        """Return whether everything is up as far as the API knows."""
        answer = self.visitor().ask("GET", "/readyz")
        return bool(answer.body == {"status": "ready"})

    def launch(self, name: str, **environment: str) -> Child:
        """Start a process as a deployment does; its log lies under .local."""
        part = next(part for part in PARTS if part.name == name)
        return self.run(name, *part.command(self.port), **environment)

    def run(self, name: str, *command: str, **environment: str) -> Child:
        """Start any command beside the others."""
        self.children[name] = Child(
            name,
            command,
            log=self.services.places.logs / f"{name}.log",
            env={**self.environment, **environment},
            cwd=ROOT,
        )
        return self.children[name]

    def end(self, *names: str) -> None:
        """End processes as a deployment does."""
        for name in names:
            self.children[name].stop()

    def kill(self, *names: str) -> None:
        """End processes with SIGKILL."""
        for name in names:
            self.children[name].kill()

    def manage(self, *arguments: str) -> None:
        """Run a command of manage.py; fail if it fails."""
        child = self.run("manage", PYTHON, "manage.py", *arguments)
        self.until(lambda: not child.running, f"manage.py {arguments[0]} ends")
        assert child.status == 0, child.tail(20)
        del self.children["manage"]

    def kill_service(self, name: str) -> None:
        """End PostgreSQL, Redis or Kafka with SIGKILL."""
        child = self.services.embedded[name].child
        assert child is not None
        child.kill()
        self.services.embedded[name].forget()

    def start_service(self, name: str) -> None:
        """Start it again over what it kept, and wait until it serves."""
        self.services.embedded[name].start()
        self.services.embedded[name].wait_ready()

    @contextmanager
    def without(self, name: str, *, hung: bool = False) -> Iterator[None]:
        """Do without a service: it is killed, or stopped like a hung machine."""
        child = self.services.embedded[name].child
        assert child is not None
        if hung:
            child.pause()
        else:
            self.kill_service(name)
        try:
            yield
        finally:
            if hung:
                child.resume()
            else:
                self.start_service(name)

    def sql(self, query: str, *arguments: object) -> Any:  # noqa: ANN401 -- a column is any value
        """Return the one value that a query comes to."""
        with psycopg.connect(
            self.services.urls()["DATABASE_URL"],
            row_factory=scalar_row,
            autocommit=True,
        ) as connection:
            return connection.execute(query.encode(), arguments).fetchone()

    def until(self, true: Callable[[], Any], what: str, *, seconds: float = 0) -> None:
        """Return as soon as it is true; fail if it is not in time."""
        give_up = monotonic() + (seconds or PATIENCE)
        while not true():
            assert monotonic() < give_up, f"not in time: {what}; {self.describe()}"
            Event().wait(LOOK_AGAIN)

    def until_settled(self, *, seconds: float = 0) -> None:
        """Return when no event waits in the outbox or at a consumer."""
        self.until(lambda: self.waiting() == 0, "no event waits", seconds=seconds)

    def waiting(self) -> int:
        """Return how many events wait in the outbox or are parked."""
        return int(
            self.sql(
                "select (select count(*) from outbox_event)"
                " + (select count(*) from outbox_parked)"
            )
        )

    def describe(self) -> str:
        """Say what waits where, for whoever reads why a test failed."""
        try:
            return str(self.sql(DESCRIPTION))
        except psycopg.Error as error:
            return f"PostgreSQL: {error}"

    def _environment(self) -> dict[str, str]:
        inherited = {
            name: value
            for name, value in os.environ.items()
            if name not in {"DATABASE_URL", "REDIS_URL", "KAFKA_BOOTSTRAP_SERVERS"}
        }
        return {
            **inherited,
            **self.urls(),
            "DJANGO_SETTINGS_MODULE": "opencore.settings.local",
            "OPENCORE_LOCAL_DIR": str(self.services.places.home / "files"),
            "PUBLIC_URL": self.url,
            "SEALING_KEYS": ",".join(settings.SEALING_KEYS),
            "EMAIL_URL": f"file:{self.services.places.home / 'mail'}",
            "GATEWAY_RATE": "100000",
            "GATEWAY_BURST": "100000",
            "DRAIN_SECONDS": "0",
            "PYTHONUNBUFFERED": "1",
        }

    def _forget_everything(self) -> None:
        # Kafka's topics keep what earlier runs sent; who reads them looks for its own.
        self.sql_script("drop schema public cascade; create schema public")

    def sql_script(self, script: str) -> None:
        """Run statements that come to nothing."""
        with psycopg.connect(
            self.services.urls()["DATABASE_URL"], autocommit=True
        ) as connection:
            connection.execute(script.encode())


def address() -> str:
    """Return an e-mail address that nobody had before."""
    return f"{uuid4().hex}@example.com"


KILLED = -signal.SIGKILL
DESCRIPTION = """
select json_build_object(
    'waiting', (select count(*) from outbox_event),
    'parked', (select count(*) from outbox_parked),
    'held', (select count(*) from outbox_hold),
    'dead', (select count(*) from outbox_dead_letter),
    'lanes', (select count(*) from outbox_lane where lease_until > now()),
    'handled', (select json_object_agg(consumer, n) from (
        select consumer, count(*) as n from outbox_inbox group by consumer) as c),
    'users', (select count(*) from accounts_user))
"""
