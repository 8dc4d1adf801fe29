"""Uvicorn as the other server of OpenCore: `python -m opencore.uvicorn`.

One process. It drains before a stop as Gunicorn does, and is as strict as Gunicorn
where Uvicorn by itself is not: the size of a head, its time, and a target that names
another host than `Host` does. It can't be reloaded: to replace it, start another one,
let requests go there, and stop this one.
"""

import argparse
import asyncio
import signal
import socket
from threading import Timer
from types import FrameType

import uvicorn
from uvicorn.protocols.http.httptools_impl import (
    HttpToolsProtocol,
    RequestResponseCycle,
)

from opencore import serving
from opencore.draining import is_draining, start_draining
from opencore.settings.environment import environment_of_this_start

# More than the gateway accepts, which then says what is wrong.
LARGEST_HEAD = 64 * 1024
KEEP_ALIVE = 75
GRACE = 20


class Protocol(HttpToolsProtocol):
    """Waits for no one forever, and shows the target as the client wrote it."""

    _head_is_late: asyncio.TimerHandle | None = None
    _reads_head = True
    _head_size = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # -- Uvicorn's own signature
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._head_is_late = self.loop.call_later(
            serving.LONGEST_HEAD, self._refuse, 408
        )

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, as long as a head that has begun is not too large."""
        self._head_size += len(data)
        super().data_received(data)
        if self._reads_head and self._head_size > LARGEST_HEAD:
            self._refuse(431)

    def on_headers_complete(self) -> None:
        """Serve the request, which is the connection's last one while draining."""
        self._stop_waiting()
        self._reads_head = False
        super().on_headers_complete()
        # The parser takes a host or a fragment off that the gateway must see.
        self.scope["raw_path"], _, query = self.url.partition(b"?")
        self.scope["query_string"] = query
        if is_draining():
            self.cycle.keep_alive = False

    def on_message_complete(self) -> None:
        """Begin to count anew."""
        super().on_message_complete()
        self._reads_head, self._head_size = True, 0

    def shutdown(self) -> None:
        """Keep what was said to be kept for one more request, and cut no idle client."""
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is not None and not cycle.response_started:
            cycle.keep_alive = False

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 -- Uvicorn's own signature
        """Say it in OpenCore's words."""
        self._refuse(400)

    def _refuse(self, status: int) -> None:
        # Bytes within an answer would be read as a part of it.
        if not self._is_answering():
            self.transport.write(serving.refusal(status))
        self.transport.close()

    def _is_answering(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is None:
            return False
        return cycle.response_started and not cycle.response_complete

    def _stop_waiting(self) -> None:
        if self._head_is_late is not None:
            self._head_is_late.cancel()
            self._head_is_late = None


class Server(uvicorn.Server):
    """Serves on for DRAIN_SECONDS after SIGTERM while it is not ready."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Let SIGTERM drain first; a second one stops at once, as Ctrl-C does."""
        drain_seconds = environment_of_this_start().drain_seconds
        if sig != signal.SIGTERM:
            super().handle_exit(sig, frame)
        elif is_draining() or not drain_seconds:
            self._stop()
        else:
            start_draining()
            timer = Timer(drain_seconds, self._stop)
            timer.daemon = True
            timer.start()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let nobody new in, and tell those who are here that they are to leave."""
        # Not before: who is told to leave and comes back would find a closing door.
        start_draining()
        await super().shutdown(sockets)

    def _stop(self) -> None:
        self.should_exit = True


def serve(app: str, *, host: str, port: int) -> None:
    """Serve until a signal ends it."""
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        http=Protocol,
        loop="uvloop",
        ws="none",
        log_level="error",
        access_log=False,
        # Whom to believe about the client is the gateway's own matter.
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=GRACE,
    )
    # Whatever the application asks of the database at its start, no loop may wait for.
    config.load()
    serving.leave_what_stays()
    Server(config).run()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="opencore.uvicorn")
    parser.add_argument("app", nargs="?", default="opencore.asgi:application")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    return parser.parse_args()


if __name__ == "__main__":
    arguments = _arguments()
    serve(arguments.app, host=arguments.host, port=arguments.port)
