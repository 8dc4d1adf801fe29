"""The place in Redis where the route table hangs for all processes."""

import json
from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Self, cast

from django.conf import settings
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from gateway_proxy.seals import is_sealed, seal_of
from gateway_proxy.selectors import Published

TABLE = "gateway:table"
SEEN = "gateway:seen:"
SEEN_FOR = 10


class BoardUnreachable(RuntimeError):
    """Redis did not answer."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """Which version a process runs, as it said itself within the last seconds."""

    process: str
    version: int


@dataclass(frozen=True, slots=True)
class Hung:
    """What hangs in Redis; it is believed if this deployment sealed it."""

    version: int
    changes: str
    is_ours: bool


class Board(AbstractContextManager["Board", None]):
    """One connection to Redis, which fails within its time-out."""

    def __init__(self, url: str, *, timeout: float) -> None:
        self._client = Redis.from_url(
            url,
            socket_timeout=timeout,
            socket_connect_timeout=timeout,
            retry=Retry(NoBackoff(), 0),
            decode_responses=True,
        )

    @classmethod
    def of_settings(cls) -> Self:
        """Return the board of this deployment."""
        return cls(settings.REDIS_URL, timeout=settings.REDIS_TIMEOUT)

    def hang(self, published: Published) -> None:
        """Let all processes find these changes. Raises BoardUnreachable."""
        version, changes = published.version, json.dumps(published.changes)
        seal = seal_of(version, changes)
        fields = {"version": version, "changes": changes, "seal": seal}
        self._ask("hset", TABLE, mapping=fields)

    def version(self) -> int | None:
        """Return which version hangs there, if one does. Raises BoardUnreachable."""
        version = self._ask("hget", TABLE, "version")
        return int(version) if str(version).isdecimal() else None

    def read(self) -> Hung | None:
        """Return what hangs there, if anything does. Raises BoardUnreachable."""
        found = self._ask("hmget", TABLE, ["version", "changes", "seal"])
        version, changes, seal = map(str, found)
        if not version.isdecimal():
            return None
        number = int(version)
        return Hung(number, changes, is_ours=is_sealed(number, changes, seal))

    def sign(self, sighting: Sighting) -> None:
        """Say that a process runs a version. Raises BoardUnreachable."""
        self._ask("set", f"{SEEN}{sighting.process}", sighting.version, ex=SEEN_FOR)

    def seen(self) -> list[Sighting]:
        """Return which processes run what. Raises BoardUnreachable."""
        try:
            keys = sorted(self._client.scan_iter(match=f"{SEEN}*", count=1000))
        except RedisError as error:
            raise BoardUnreachable(str(error)) from error
        versions: Iterable[str | None] = self._ask("mget", keys) if keys else ()
        return [
            Sighting(key.removeprefix(SEEN), int(version))
            for key, version in zip(keys, versions, strict=True)
            if version is not None
        ]

    def close(self) -> None:
        """Let go of the connection."""
        self._client.close()

    def __exit__(self, *_error: object) -> None:
        self.close()

    def _ask(self, command: str, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 -- whatever Redis answers
        try:
            return cast("Any", getattr(self._client, command)(*args, **kwargs))
        except RedisError as error:
            raise BoardUnreachable(str(error)) from error
