"""A TCP line to a server that can go silent, or break at a COMMIT."""

import socket
from contextlib import suppress
from threading import Event, Thread
from typing import Literal

from tests.ports import free_port

Cut = Literal["never", "before_commit", "after_commit"]


class TcpLine:
    """Forwards connections to a server; its switches are `silent` and `cut`."""

    def __init__(self, host: str, port: int) -> None:
        self.port = free_port()
        self.cut: Cut = "never"
        self._target = (host, port)
        self._flows = Event()
        self._flows.set()
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", self.port))
        Thread(target=self._accept, daemon=True).start()

    def go_silent(self) -> None:
        """Take what is sent, acknowledge it, and forward nothing."""
        self._flows.clear()

    def speak(self) -> None:
        """Forward again."""
        self._flows.set()

    def close(self) -> None:
        """End it and all its connections."""
        self._flows.set()
        self._listener.close()
        for end in self._open:
            _hang_up(end)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._target)
                self._open += (client, server)
                broken = Event()
                for ends in ((client, server), (server, client)):
                    outward = ends[0] is client
                    Thread(
                        target=self._forward, args=(*ends, outward, broken), daemon=True
                    ).start()

    def _forward(
        self, source: socket.socket, target: socket.socket, outward: bool, broken: Event
    ) -> None:
        with suppress(OSError):
            while chunk := source.recv(65_536):
                self._flows.wait()
                if outward and b"COMMIT" in chunk and self.cut != "never":
                    broken.set()
                if broken.is_set() and (self.cut == "before_commit" or not outward):
                    break
                target.sendall(chunk)
        _hang_up(source)
        _hang_up(target)


def _hang_up(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()
