"""A real HTTP service behind the gateway, with switches for how it misbehaves."""

import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import TCPServer
from threading import Event, Thread
from typing import Any

from gateway_proxy.core.messages import METHODS

Headers = list[tuple[str, str]]


@dataclass
class Received:
    """One request, as it came over the wire."""

    method: str
    target: str
    headers: Headers
    body: bytes
    connection: socket.socket
    whole: bool = False

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
    interrupt: "Callable[[Handler], None] | None" = None
    sent: int = 0
    begun: Event = field(default_factory=Event)
    arrived: Event = field(default_factory=Event)
    stalled: Event = field(default_factory=Event)
    left: Event = field(default_factory=Event)
    released: Event = field(default_factory=Event)


class Handler(BaseHTTPRequestHandler):
    """Writes down each request and answers as it was told to."""

    protocol_version = "HTTP/1.1"
    service: Service
    raw_requestline: bytes

    def handle_any(self) -> None:
        """Answer."""
        target = self.raw_requestline.decode("latin-1").split(" ")[1]
        headers = list(self.headers.items())
        received = Received(self.command, target, headers, b"", self.connection)
        self.service.received.append(received)
        self.service.begun.set()
        if self.service.interrupt is not None:
            self.service.interrupt(self)
            return
        for chunk in self.body():
            received.body += chunk
            self.service.arrived.set()
        received.whole = True
        if self.service.misbehave is not None:
            self.service.misbehave(self)
            return
        self.begin(len(self.service.body))
        if self.command != "HEAD":
            self.wfile.write(self.service.body)

    def body(self) -> Iterator[bytes]:
        """Yield what the client sends."""
        if self.headers.get("Transfer-Encoding") is None:
            left = int(self.headers.get("Content-Length") or 0)
            while left and (chunk := self.rfile.read1(left)):
                left -= len(chunk)
                yield chunk
            return
        while size := int(self.rfile.readline(), 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()

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


def cut_within_a_large_answer(handler: Handler) -> None:
    """Promise a megabyte, send a part, hang up."""
    handler.begin(1024 * 1024)
    handler.wfile.write(b"x" * 1024)
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


def stream_until_closed(handler: Handler) -> None:
    """Send one event at once and the next only when told to; hanging up is the end."""
    handler.send_response(200)
    handler.send_header("Content-Type", "text/event-stream")
    handler.end_headers()
    handler.wfile.write(b"data: 1\n\n")
    handler.service.released.wait(30)
    handler.wfile.write(b"data: 2\n\n")
    handler.close_connection = True


def stream_without_end(handler: Handler) -> None:
    """Send chunks until nobody takes them for a while, or the client is gone."""
    handler.begin(None)
    handler.connection.settimeout(0.5)
    try:
        while not handler.service.released.is_set():
            handler.chunk(b"x" * 65536)
            handler.service.sent += 65536
    except TimeoutError:
        handler.service.stalled.set()
    except OSError:
        handler.service.left.set()
    handler.close_connection = True


def refuse_before_the_body(handler: Handler) -> None:
    """Answer without reading the body, and hang up."""
    handler.service.status = 413
    handler.begin(0)
    handler.wfile.flush()
    handler.connection.shutdown(socket.SHUT_WR)
    handler.service.left.set()
    handler.close_connection = True


def read_late(handler: Handler) -> None:
    """Read the body only when told to."""
    handler.service.released.wait(30)
    for _ in handler.body():
        continue
    handler.begin(0)


def answer_before_the_body(handler: Handler) -> None:
    """Answer without reading the body, and keep the connection."""
    handler.begin(2)
    handler.wfile.write(b"ok")


def wait_for_the_client_to_leave(handler: Handler) -> None:
    """Say nothing until the connection ends."""
    handler.connection.settimeout(30)
    handler.service.arrived.set()
    with suppress(OSError):
        handler.rfile.read(1)
    handler.service.left.set()
    handler.close_connection = True


def saying(raw: bytes) -> Callable[[Handler], None]:
    """Return a service that says exactly this and hangs up."""

    def say(handler: Handler) -> None:
        handler.wfile.write(raw)
        handler.close_connection = True

    return say


def saying_and_staying(raw: bytes) -> Callable[[Handler], None]:
    """Return a service that says exactly this and keeps the connection."""

    def say(handler: Handler) -> None:
        handler.wfile.write(raw)

    return say


def say_more_than_was_asked(handler: Handler) -> None:
    """Answer, and then answer a question that nobody asked."""
    handler.begin(2)
    handler.wfile.write(b"ok")
    handler.service.released.wait(30)
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nother")
    handler.service.stalled.set()


def answer_and_say_so_that_it_leaves(handler: Handler) -> None:
    """Answer, say that the connection ends, and end it."""
    handler.service.headers = [("Connection", "close")]
    handler.begin(2)
    handler.wfile.write(b"ok")
    handler.service.left.set()
    handler.close_connection = True


def answer_and_leave_silently(handler: Handler) -> None:
    """Answer as if the connection were kept, and hang up."""
    handler.begin(2)
    handler.wfile.write(b"ok")
    handler.wfile.flush()
    handler.connection.shutdown(socket.SHUT_RDWR)
    handler.service.left.set()
    handler.close_connection = True


def stream_in_steps(handler: Handler) -> None:
    """Send one chunk, and the next only when told to."""
    handler.begin(None)
    handler.chunk(b"first")
    handler.service.released.wait(30)
    handler.chunk(b"second")
    handler.wfile.write(b"0\r\n\r\n")


class Server(ThreadingHTTPServer):
    """Lets a crowd in at once, where five would be waiting at most."""

    request_queue_size = 128


class UnixServer(ThreadingHTTPServer):
    """One that listens on a socket of the file system."""

    address_family = socket.AF_UNIX

    def server_bind(self) -> None:
        """Listen; there is no host whose name could be looked up."""
        TCPServer.server_bind(self)


def serving(port: int) -> AbstractContextManager[Service]:
    """Run a service on a loopback port."""
    service = Service(url=f"http://127.0.0.1:{port}", host=f"127.0.0.1:{port}")
    return _serving(service, Server, ("127.0.0.1", port))


def serving_on_socket(path: Path) -> AbstractContextManager[Service]:
    """Run a service on a socket of the file system."""
    service = Service(url=f"unix:{path}", host="localhost")
    return _serving(service, UnixServer, str(path))


@contextmanager
def _serving(
    service: Service,
    kind: type[ThreadingHTTPServer],
    address: Any,  # noqa: ANN401 -- a pair or a path
) -> Iterator[Service]:
    verbs = {f"do_{method}": Handler.handle_any for method in METHODS}
    handler = type("OneHandler", (Handler,), {"service": service, **verbs})
    server = kind(address, handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield service
    finally:
        service.released.set()
        server.shutdown()
        server.server_close()
        thread.join()
