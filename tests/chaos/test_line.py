"""A line breaks as it says: the faults of the nemesis are real ones."""

import socket
from collections.abc import Iterator
from contextlib import suppress
from threading import Thread

import pytest

from tests.chaos.line import Line
from tests.ports import free_port

PATIENCE = 5.0
SHORTLY = 0.2


class Echo:
    """A service that answers what it was told, and remembers it."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.heard = b""
        Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            Thread(target=self._answer, args=(client,), daemon=True).start()

    def _answer(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            while said := client.recv(1024):
                self.heard += said
                client.sendall(said)


@pytest.fixture
def echo() -> Iterator[Echo]:
    echo = Echo()
    yield echo
    echo.close()


@pytest.fixture
def line(echo: Echo) -> Iterator[Line]:
    line = Line(free_port(), echo.port)
    yield line
    line.close()


@pytest.fixture
def caller(line: Line) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", line.port), PATIENCE) as caller:
        assert ask(caller, b"there?") == b"there?"
        yield caller


def ask(caller: socket.socket, said: bytes, *, patience: float = PATIENCE) -> bytes:
    caller.settimeout(patience)
    caller.sendall(said)
    return caller.recv(1024)


def test_it_refuses_and_resets_who_is_connected(
    line: Line, caller: socket.socket
) -> None:
    line.refuse()

    with pytest.raises(ConnectionResetError):
        ask(caller, b"hello")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", line.port), PATIENCE)


def test_after_a_reset_it_serves_who_connects_anew(
    line: Line, caller: socket.socket
) -> None:
    line.reset()

    with pytest.raises(ConnectionResetError):
        ask(caller, b"hello")
    with socket.create_connection(("127.0.0.1", line.port), PATIENCE) as anew:
        assert ask(anew, b"hello") == b"hello"


def test_what_is_sent_in_silence_arrives_when_it_ends(
    line: Line, echo: Echo, caller: socket.socket
) -> None:
    line.go_silent()
    with pytest.raises(TimeoutError):
        ask(caller, b"hello", patience=SHORTLY)
    assert echo.heard == b"there?"

    line.open()

    caller.settimeout(PATIENCE)
    assert caller.recv(1024) == b"hello"


def test_a_request_whose_answer_is_lost_was_heard(
    line: Line, echo: Echo, caller: socket.socket
) -> None:
    line.lose_replies()
    with pytest.raises(TimeoutError):
        ask(caller, b"hello", patience=SHORTLY)

    line.reset()

    assert echo.heard == b"there?hello"
    with pytest.raises(ConnectionResetError):
        caller.recv(1024)
