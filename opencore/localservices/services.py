"""The three services together: those embedded, and those that somebody named."""

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Protocol

from opencore.localservices.jars import Say
from opencore.localservices.kafka import Kafka
from opencore.localservices.places import Places
from opencore.localservices.postgres import Postgres
from opencore.localservices.process import Child
from opencore.localservices.redis import RedisServer

VARIABLES = {
    "postgres": "DATABASE_URL",
    "redis": "REDIS_URL",
    "kafka": "KAFKA_BOOTSTRAP_SERVERS",
}
# A test's data is worth nothing after it; a person's is.
UNSAFE_FOR_TESTS = {"fsync": "off", "full_page_writes": "off"}


class Service(Protocol):
    """What all three can do."""

    name: str

    @property
    def url(self) -> str:
        """Return how clients reach it."""

    @property
    def child(self) -> Child | None:
        """Return the process, if it was started."""

    def start(self) -> None:
        """Start the process."""

    def forget(self) -> None:
        """Forget a process that ended."""

    def wait_ready(self, *, seconds: float = 60.0) -> None:
        """Return when clients are served."""

    def stop(self) -> None:
        """End the process."""


@dataclass
class LocalServices:
    """The services of one profile of a checkout."""

    root: Path
    profile: str
    say: Say
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    embedded: dict[str, Service] = field(default_factory=dict)
    _lock: IO[str] | None = None

    @property
    def places(self) -> Places:
        """Return where the profile keeps its data."""
        return Places(self.root, self.profile)

    @property
    def held(self) -> bool:
        """Return whether the profile is ours: nobody else runs it."""
        return self._lock is not None

    def start(self, parts: Iterable[str] = VARIABLES, *, wait: bool = False) -> None:
        """Start those that nobody named by URL; Kafka first, as it takes longest.

        Raises LocalServiceError, also when the profile runs already and `wait` is off.
        """
        self._lock = self.places.lock(wait=wait)
        makers: dict[str, Callable[[], Service]] = {
            "kafka": lambda: Kafka(self.places, say=self.say),
            "postgres": self._postgres,
            "redis": lambda: RedisServer(self.places),
        }
        for name, make in makers.items():
            if name in parts and not self.named(name):
                self.embedded[name] = make()
                self.embedded[name].start()

    def wait_ready(self, parts: Iterable[str] = VARIABLES) -> None:
        """Return when the embedded ones of these serve clients."""
        for name in parts:
            if name in self.embedded:
                self.embedded[name].wait_ready()

    def named(self, part: str) -> str | None:
        """Return the URL under which somebody named a service of their own."""
        return self.environment.get(VARIABLES[part]) or None

    def urls(self) -> dict[str, str]:
        """Return the three variables for processes that use the services."""
        found = {}
        for part, variable in VARIABLES.items():
            named = self.named(part)
            if named is not None:
                found[variable] = named
            elif part in self.embedded:
                found[variable] = self.embedded[part].url
        return found

    def stop(self) -> None:
        """Stop what was started, in the order in which nothing misses anything."""
        for part in ("kafka", "redis", "postgres"):
            if part in self.embedded:
                self.embedded[part].stop()
        self.embedded = {}
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _postgres(self) -> Service:
        settings = UNSAFE_FOR_TESTS if self.profile == "test" else {}
        return Postgres(self.places, settings=settings)
