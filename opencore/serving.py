"""Gunicorn's workers, strict where they are patient, and in OpenCore's own words.

It reaches into what Gunicorn does not promise to keep, so Gunicorn's version is fixed;
`tests/gateway_proxy/test_raw_sockets.py` holds it to what it must do.
"""

import asyncio
import gc
import mmap
import socket
import struct
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from gunicorn import util
from gunicorn.asgi import protocol
from gunicorn.http import wsgi
from gunicorn.http.errors import InvalidHeader
from gunicorn.workers import gasgi
from gunicorn.workers.gthread import ThreadWorker

from opencore.context import new_request_id
from opencore.draining import is_draining
from opencore.hosting import Host
from opencore.problems.answering import named
from opencore.problems.problem import MEDIA_TYPE

# Seconds that a new connection has to send the head of its first request.
LONGEST_HEAD = 10.0
# Seconds that a worker serves on while the one that replaces it is still loading.
LONGEST_OVERLAP = 20.0
# Objects that are made before the collector looks at the youngest again. Requests leave
# no circles behind, so it finds little, and each look costs.
GARBAGE_BETWEEN_LOOKS = 20_000
_CODES = {
    408: "request_timeout",
    414: "uri_too_long",
    431: "headers_too_large",
    500: "internal_error",
}
_AGE = struct.Struct("q")
# The age of the newest worker that has an application; all share this memory.
_loaded = mmap.mmap(-1, _AGE.size)
# Their stubs hide what is overridden here.
_protocol: Any = protocol
_gasgi: Any = gasgi
_util: Any = util
_wsgi: Any = wsgi
_default_headers = _wsgi.Response.default_headers


class Protocol(_protocol.ASGIProtocol):  # type: ignore[misc]  # -- it is Any, see above
    """Answers problems, waits for no one forever, and upgrades to nothing."""

    _head_is_late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._head_is_late = self.worker.loop.call_later(LONGEST_HEAD, self._give_up)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _on_headers_complete(self) -> Any:  # noqa: ANN401 -- the signature is Gunicorn's
        self._stop_waiting()
        return super()._on_headers_complete()

    def _will_close(self, *about: Any) -> bool:
        last = self.worker.leaving or is_draining()
        return last or bool(super()._will_close(*about))

    def _send_response_start(
        self,
        status: int,
        headers: Sequence[tuple[bytes, bytes]],
        *about: object,
        **more: object,
    ) -> None:
        if (b"connection", b"close") in headers:
            self._keepalive = 0
        super()._send_response_start(status, headers, *about, **more)

    def _stop_waiting(self) -> None:
        if self._head_is_late is not None:
            self._head_is_late.cancel()
            self._head_is_late = None

    def _give_up(self) -> None:
        self._send_error_response(408, "")
        self._close_transport()
        self._request_ready.set()

    def _is_websocket_upgrade(self, _request: Any) -> bool:  # noqa: ANN401 -- the signature is Gunicorn's
        # The application refuses an upgrade like anything else that it refuses.
        return False

    def _send_error_response(
        self,
        status: int,
        _message: str,
        _extra_headers: Sequence[tuple[str, str]] = (),
    ) -> None:
        self._safe_write(refusal(status))


class Worker(_gasgi.ASGIWorker):  # type: ignore[misc]  # -- it is Any, see above
    """Serves with that protocol, and when it is replaced until its successor serves."""

    leaving = False
    _leaves_at = 0.0
    _serving: asyncio.Task[None] | None = None

    def init_process(self) -> None:
        """Put both in the place of Gunicorn's, which has no setting for either."""
        _gasgi.ASGIProtocol = self.speak
        _protocol._CACHED_SERVER_HEADER = b""
        # What it finds is kept in the class that is asked, and read from the base.
        _protocol.ASGIProtocol._check_h1c_protocol_available()
        super().init_process()

    def speak(self, _worker: object) -> asyncio.Protocol:
        """Return what speaks to a new client."""
        spoken: asyncio.Protocol = Protocol(self)
        return spoken

    def load_wsgi(self) -> None:
        """Load the application, and let those that this worker replaces know."""
        super().load_wsgi()
        leave_what_stays()
        note_loaded(self.age)

    def handle_exit_signal(self) -> None:
        """Leave at once before a stop; at a reload when there is a successor."""
        # Gunicorn may repeat the signal.
        if not self._leaves_at:
            self._leaves_at = self.loop.time() + LONGEST_OVERLAP
            self._leave_when_replaced()

    async def _serve(self) -> None:
        self._serving = asyncio.current_task()
        await super()._serve()

    def _leave_when_replaced(self) -> None:
        late = self.loop.time() > self._leaves_at
        if is_draining() or newest_loaded() > self.age or late:
            self._leave()
        else:
            self.loop.call_later(0.1, self._leave_when_replaced)

    def _leave(self) -> None:
        if self._serving is None or not self.servers:
            super().handle_exit_signal()
            return
        # Were it no more `alive`, Gunicorn would cut connections that it has just
        # promised to keep. So each is told with its next answer that it ends.
        self.leaving = True
        if self._serving is not None:
            self._serving.cancel()


class Direct(Worker):
    """Lets an application that can speak to its clients itself do so, without ASGI.

    Gunicorn still begins, reloads and ends it. Any other application is served as usual.
    """

    _host: Host | None = None

    def speak(self, _worker: object) -> asyncio.Protocol:
        """Return what speaks to a new client."""
        if not hasattr(self.asgi, "connection"):
            return super().speak(_worker)
        if self._host is None:
            self._host = self._as_host()
        spoken: asyncio.Protocol = self.asgi.connection(self._host)
        return spoken

    def _as_host(self) -> Host:
        return Host(
            loop=self.loop,
            longest_head=LONGEST_HEAD,
            longest_rest=self.cfg.keepalive,
            refusal=refusal,
            is_last=self._is_last,
            count=self._count,
        )

    def _is_last(self) -> bool:
        self.nr += 1
        if self.nr >= self.max_requests:
            self.alive = False
        return self.leaving or not self.alive or is_draining()

    def _count(self, more: int) -> None:
        self.nr_conns += more


class Threads(ThreadWorker):
    """Serves the WSGI application in threads, in the same words."""

    def init_process(self) -> None:
        """Put them in the place of Gunicorn's, which has no setting for either."""
        _util.write_error = _refuse
        _wsgi.Response.default_headers = _without_server
        super().init_process()

    def handle(self, conn: Any) -> Any:  # noqa: ANN401 -- the signature is Gunicorn's
        """Let no client keep a thread by sending nothing more."""
        seconds = struct.pack("ll", int(LONGEST_HEAD), 0)
        conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, seconds)
        return super().handle(conn)

    def handle_request(self, req: Any, conn: Any) -> Any:  # noqa: ANN401 -- the signature is Gunicorn's
        """Serve what names its host; Gunicorn refuses only a second one."""
        if not any(name == "HOST" for name, _ in req.headers):
            raise InvalidHeader("HOST", req)
        return super().handle_request(req, conn)


def leave_what_stays() -> None:
    """Let the collector look for circles among what comes and goes alone."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_BETWEEN_LOOKS, *gc.get_threshold()[1:])


def note_loaded(age: int) -> None:
    """Let all workers know that one of this age has an application."""
    # A worker that is being replaced while it loads may be done after its successor.
    _loaded[:] = _AGE.pack(max(age, newest_loaded()))


def newest_loaded() -> int:
    """Return the age of the newest worker that has an application; it counts up."""
    (age,) = _AGE.unpack(_loaded[:])
    return int(age)


def refusal(status: int) -> bytes:
    """Return the whole answer to what is refused before the application sees it."""
    problem = named(_CODES.get(status, "malformed_request"))
    request_id = new_request_id()
    body = problem.to_json(request_id=request_id, public_url=settings.PUBLIC_URL)
    lines = (
        f"HTTP/1.1 {problem.status} {problem.title}",
        f"Content-Type: {MEDIA_TYPE}",
        f"Content-Length: {len(body)}",
        f"X-Request-Id: {request_id}",
        "Cache-Control: no-store",
        "Connection: close",
    )
    return "\r\n".join((*lines, "", "")).encode() + body


def _refuse(sock: socket.socket, status: int, _reason: str, _message: str) -> None:
    _util.write_nonblock(sock, refusal(status))


def _without_server(response: Any) -> list[str]:  # noqa: ANN401 -- Gunicorn's own
    lines: list[str] = _default_headers(response)
    return [line for line in lines if not line.startswith("Server:")]
