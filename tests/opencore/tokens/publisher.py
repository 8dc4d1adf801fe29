"""Another issuer's key set, as a fake and as a real server."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread

from tests.opencore.tokens.forging import Members


class Published:
    """What an issuer publishes; it can be down, and counts who asks."""

    def __init__(self, *keys: Members) -> None:
        self.keys: list[Members] = list(keys)
        self.up = True
        self.asked = 0
        self.asked_again = Event()

    @property
    def document(self) -> bytes:
        return json.dumps({"keys": self.keys}).encode()

    def __call__(self, url: str) -> bytes:
        self.asked += 1
        if self.asked > 1:
            self.asked_again.set()
        if not self.up:
            raise OSError("nobody is there")
        return self.document


class Server(ThreadingHTTPServer):
    """Serves key sets below a path that says in which way."""

    daemon_threads = True

    def __init__(self, published: Published) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.published = published
        self.paths: list[str] = []
        self.closing = Event()

    def url(self, path: str = "/good") -> str:
        return f"http://127.0.0.1:{self.server_port}{path}"


class Handler(BaseHTTPRequestHandler):
    """Answers well, or in one of the ways that a server goes wrong."""

    server: Server

    def do_GET(self) -> None:
        self.server.paths.append(self.path)
        {
            "/good": self._good,
            "/moved": self._moved,
            "/long": self._long,
            "/silent": self._silent,
            "/slow": self._slow,
        }.get(self.path, self._missing)()

    def _good(self) -> None:
        self._begin(200, {})
        self.wfile.write(self.server.published(self.path))

    def _moved(self) -> None:
        self._begin(302, {"Location": "/good"})

    def _long(self) -> None:
        self._begin(200, {})
        self.wfile.write(b" " * 200_000)

    def _silent(self) -> None:
        self.server.closing.wait(30)

    def _slow(self) -> None:
        self._begin(200, {})
        for _ in range(600):
            self.wfile.write(b" ")
            if self.server.closing.wait(0.05):
                return

    def _missing(self) -> None:
        self._begin(404, {})

    def _begin(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def serving(published: Published) -> Iterator[Server]:
    """Serve on a free port until the block ends."""
    with Server(published) as server:
        thread = Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield server
        finally:
            server.closing.set()
            server.shutdown()
            thread.join(30)
