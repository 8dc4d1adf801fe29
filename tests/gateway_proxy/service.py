"""A real HTTP service behind the gateway, with switches for how it misbehaves."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread

from gateway_proxy.core.messages import METHODS

Headers = list[tuple[str, str]]


@dataclass
class Received:
    """One request, as it came over the wire."""

    method: str
    target: str
    headers: Headers
    body: bytes

    def values(self, name: str) -> list[str]:
        """Return all values of a header."""
        return [value for key, value in self.headers if key.lower() == name.lower()]


@dataclass
class Service:
    """What it got, and what it answers."""

    url: str = ""
    host: str = ""
    received: list[Received] = field(default_factory=list)
    status: int = 200
    headers: Headers = field(default_factory=list)
    body: bytes = b'{"fine": true}'
    misbehave: "Callable[[Handler], None] | None" = None
    released: Event = field(default_factory=Event)


class Handler(BaseHTTPRequestHandler):
    """Writes down each request and answers as it was told to."""

    protocol_version = "HTTP/1.1"
    service: Service
    raw_requestline: bytes

    def handle_any(self) -> None:
        """Answer."""
        target = self.raw_requestline.decode("latin-1").split(" ")[1]
        length = int(self.headers.get("Content-Length") or 0)
        self.service.received.append(
            Received(
                self.command,
                target,
                list(self.headers.items()),
                self.rfile.read(length),
            )
        )
        if self.service.misbehave is not None:
            self.service.misbehave(self)
            return
        self.begin(len(self.service.body))
        if self.command != "HEAD":
            self.wfile.write(self.service.body)

    def begin(self, length: int | None) -> None:
        """Send the head; without a length the body comes in chunks."""
        self.send_response(self.service.status)
        for name, value in self.service.headers:
            self.send_header(name, value)
        if length is None:
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Content-Length", str(length))
        self.end_headers()

    def chunk(self, data: bytes) -> None:
        """Send one chunk."""
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the signature is Python's
        """Keep quiet."""


def cut_before_the_answer(handler: Handler) -> None:
    """Read the request and hang up."""
    handler.close_connection = True


def cut_within_the_answer(handler: Handler) -> None:
    """Promise a hundred bytes, send ten, hang up."""
    handler.begin(100)
    handler.wfile.write(b"x" * 10)
    handler.close_connection = True


def cut_within_a_stream(handler: Handler) -> None:
    """Send one chunk of a body without a known length, and hang up."""
    handler.begin(None)
    handler.chunk(b"first")
    handler.close_connection = True


def hang_before_the_answer(handler: Handler) -> None:
    """Say nothing until the test is over."""
    handler.service.released.wait(30)
    handler.close_connection = True


def hang_within_the_answer(handler: Handler) -> None:
    """Send a part, then nothing until the test is over."""
    handler.begin(100)
    handler.wfile.write(b"x" * 10)
    handler.service.released.wait(30)
    handler.close_connection = True


def dribble(handler: Handler) -> None:
    """Send a byte every tenth of a second until the test is over."""
    handler.begin(1000)
    try:
        while not handler.service.released.wait(0.1):
            handler.wfile.write(b"x")
    except OSError:
        handler.close_connection = True


def promise_too_much(handler: Handler) -> None:
    """Announce more than any answer may hold."""
    handler.begin(10**12)
    handler.close_connection = True


def talk_no_http(handler: Handler) -> None:
    """Answer in another language."""
    handler.wfile.write(b"220 mail.example.com ESMTP\r\n\r\n")
    handler.close_connection = True


def stream_in_steps(handler: Handler) -> None:
    """Send one chunk, and the next only when told to."""
    handler.begin(None)
    handler.chunk(b"first")
    handler.service.released.wait(30)
    handler.chunk(b"second")
    handler.wfile.write(b"0\r\n\r\n")


@contextmanager
def serving(port: int) -> Iterator[Service]:
    """Run a service on a loopback port."""
    service = Service(url=f"http://127.0.0.1:{port}", host=f"127.0.0.1:{port}")
    verbs = {f"do_{method}": Handler.handle_any for method in METHODS}
    handler = type("OneHandler", (Handler,), {"service": service, **verbs})
    server = ThreadingHTTPServer(("127.0.0.1", port), handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield service
    finally:
        service.released.set()
        server.shutdown()
        server.server_close()
        thread.join()
