"""What a client is told on one connection, byte for byte, and for how long it lasts."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import pytest
import uvloop

from gateway_proxy.core.messages import Answer
from gateway_proxy.streaming import clients
from gateway_proxy.streaming.asking import Tell
from gateway_proxy.streaming.clients import ClientConnection
from gateway_proxy.streaming.receiving import Arrival, ReceivedUpload
from opencore.hosting import Host

GET = b"GET /%b HTTP/1.1\r\nHost: h\r\n\r\n"
POST = b"POST /%b HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n"
LAST = b"GET /%b HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
LARGE = 4 * 1024 * 1024
Serve = Callable[[Arrival, Tell], Awaitable[None]]
Client = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Body:
    """A body in chunks; tells whether it was let go."""

    def __init__(self, *chunks: bytes, after: asyncio.Event | None = None) -> None:
        self.chunks = chunks
        self.after = after
        self.given = 0
        self.closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self.chunks:
            self.given += len(chunk)
            yield chunk
        if self.after is not None:
            await self.after.wait()

    async def aclose(self) -> None:
        self.closed = True


@dataclass
class Server:
    """Serves one kind of answer, and counts its connections."""

    serve: Serve
    longest_head: float = 30
    longest_rest: float = 30
    last: bool = False
    open: int = 0
    served: list[str] = field(default_factory=list)

    async def _serve(self, arrival: Arrival, tell: Tell) -> None:
        self.served.append(arrival.path)
        await self.serve(arrival, tell)

    def _count(self, more: int) -> None:
        self.open += more

    async def start(self) -> asyncio.Server:
        loop = asyncio.get_running_loop()
        host = Host(
            loop=loop,
            longest_head=self.longest_head,
            longest_rest=self.longest_rest,
            refusal=lambda status: b"HTTP/1.1 %d refused\r\n\r\n" % status,
            is_last=lambda: self.last,
            count=self._count,
        )
        return await loop.create_server(
            lambda: ClientConnection(self._serve, host), "127.0.0.1", 0
        )


def told(*parts: bytes) -> bytes:
    """Return what a client was told, without when."""
    kept = [
        line for line in b"".join(parts).split(b"\r\n") if not line.startswith(b"date:")
    ]
    return b"\r\n".join(kept)


def ask(server: Server, *sent: bytes, eof: bool = True) -> bytes:
    """Return all that a client is told who sends this, until the connection ends."""

    async def asked() -> bytes:
        listening = await server.start()
        reader, writer = await _connected(listening)
        try:
            async with asyncio.timeout(30):
                for part in sent:
                    writer.write(part)
                    await asyncio.sleep(0.05 if len(sent) > 1 else 0)
                received = await reader.read() if eof else await reader.read(65536)
        finally:
            writer.close()
            listening.close()
        async with asyncio.timeout(30):
            while server.open:
                await asyncio.sleep(0.01)
        return told(received)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(asked())


async def _connected(listening: asyncio.Server) -> Client:
    port = listening.sockets[0].getsockname()[1]
    return await asyncio.open_connection("127.0.0.1", port)


def answering(answer: Answer) -> Server:
    """Return a server that always says the same."""

    async def serve(_: Arrival, tell: Tell) -> None:
        await tell(answer, None)

    return Server(serve)


async def echo(arrival: Arrival, tell: Tell) -> None:
    """Say what path and what body came."""
    upload = ReceivedUpload(arrival.receive, None, LARGE)
    body = await upload.whole() if arrival.method == "POST" else b""
    await tell(Answer(200, "OK", (), arrival.path.encode() + body), None)


def ok(body: bytes, *, last: bool = False) -> bytes:
    """Return an answer on the wire."""
    close = b"connection: close\r\n" if last else b""
    length = b"content-length: %d\r\n" % len(body)
    return b"HTTP/1.1 200 OK\r\n" + length + close + b"\r\n" + body


def test_requests_sent_at_once_are_answered_in_their_order() -> None:
    requests = [GET % b"1", POST % (b"2", 2) + b"ab", GET % b"3", LAST % b"4"]

    said = ask(Server(echo), b"".join(requests))

    assert said == ok(b"/1") + ok(b"/2ab") + ok(b"/3") + ok(b"/4", last=True)


def test_many_requests_at_once_wait_for_their_turn() -> None:
    said = ask(Server(echo), GET % b"x" * 100 + LAST % b"y")

    assert said == ok(b"/x") * 100 + ok(b"/y", last=True)


def test_no_more_are_held_than_memory_is_meant_for() -> None:
    ahead = clients.MOST_AHEAD + 1

    said = ask(Server(echo), GET % b"x" * (ahead + 500))

    assert said == ok(b"/x") * ahead + b"HTTP/1.1 400 refused\r\n\r\n"


def test_what_is_no_request_is_refused_after_those_before_it_were_answered() -> None:
    server = Server(echo)

    said = ask(server, GET % b"1" + GET % b"2" + b"nothing\r\n\r\n" + GET % b"3")

    assert said == ok(b"/1") + ok(b"/2") + b"HTTP/1.1 400 refused\r\n\r\n"
    assert server.served == ["/1", "/2"]


def test_what_follows_the_last_request_is_not_read() -> None:
    server = Server(echo)

    said = ask(server, LAST % b"1" + GET % b"2" + b"nothing")

    assert said == ok(b"/1", last=True)
    assert server.served == ["/1"]


@pytest.mark.parametrize("size", [1, 7, 40])
def test_a_request_may_come_in_pieces(size: int) -> None:
    whole = POST % (b"1", 3) + b"abc" + LAST % b"2"
    pieces = [whole[at : at + size] for at in range(0, len(whole), size)]

    async def asked() -> bytes:
        listening = await Server(echo).start()
        reader, writer = await _connected(listening)
        for piece in pieces:
            writer.write(piece)
            await asyncio.sleep(0.001)
        received = await reader.read()
        writer.close()
        listening.close()
        return told(received)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(asked()) == ok(b"/1abc") + ok(b"/2", last=True)


def test_a_large_body_comes_no_faster_than_it_is_read() -> None:
    held = []

    async def serve(arrival: Arrival, tell: Tell) -> None:
        await asyncio.sleep(0.2)
        first = await arrival.receive()
        held.append(len(first["body"]))
        size = held[0]
        while first["more_body"]:
            first = await arrival.receive()
            size += len(first["body"])
        await tell(Answer(200, "OK", (), b"%d" % size), None)

    said = ask(Server(serve, last=True), POST % (b"", LARGE) + b"x" * LARGE)

    assert said == ok(b"%d" % LARGE, last=True)
    assert held[0] < LARGE / 4


def test_a_body_is_asked_for_once_somebody_wants_it() -> None:
    expects = b"POST /1 HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n"
    head = expects + b"Content-Length: 2\r\nConnection: close\r\n\r\n"

    said = ask(Server(echo), head, b"ab")

    assert said == b"HTTP/1.1 100 Continue\r\n\r\n" + ok(b"/1ab", last=True)


def test_a_body_that_nobody_wanted_ends_the_connection() -> None:
    server = answering(Answer(413, "", (), b"no"))

    said = ask(server, POST % (b"1", LARGE), b"x" * 1000, GET % b"2")

    assert said.startswith(b"HTTP/1.1 413 ")
    assert b"connection: close" in said
    assert said.endswith(b"\r\n\r\nno")
    assert server.served == ["/1"]


def test_a_body_that_is_cut_is_told_to_who_reads_it() -> None:
    told_of = []

    async def serve(arrival: Arrival, tell: Tell) -> None:
        while (await arrival.receive())["type"] != "http.disconnect":
            continue
        told_of.append(arrival.path)
        await tell(Answer(400, "", (), b""), None)

    chunked = b"POST /1 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
    said = ask(Server(serve), chunked + b"3\r\nabc\r\n", b"zz\r\n" + GET % b"2")

    assert told_of == ["/1"]
    assert said.count(b"HTTP/1.1 ") == 1
    assert said.startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize(
    ("method", "status", "headers", "end"),
    [
        (b"HEAD", 200, (("content-length", "9"),), b"content-length: 9\r\n\r\n"),
        (b"GET", 204, (), b"\r\n\r\n"),
        (b"GET", 304, (("etag", '"1"'),), b'etag: "1"\r\n\r\n'),
    ],
)
@pytest.mark.parametrize("streams", [False, True], ids=["whole", "in chunks"])
def test_an_answer_without_a_body_has_none(
    method: bytes,
    status: int,
    headers: tuple[tuple[str, str], ...],
    end: bytes,
    *,
    streams: bool,
) -> None:
    body = Body(b"never") if streams else b"never"
    server = answering(Answer(status, "", headers, body))

    said = ask(server, (GET % b"").replace(b"GET", method), eof=False)

    assert said.endswith(end)
    assert b"chunked" not in said
    assert not isinstance(body, Body) or (body.closed, body.given) == (True, 0)


def test_a_body_without_a_length_goes_in_chunks() -> None:
    body = Body(b"one", b"", b"three")

    said = ask(answering(Answer(200, "", (), body)), LAST % b"")

    assert b"transfer-encoding: chunked\r\n" in said
    assert said.endswith(b"\r\n\r\n3\r\none\r\n5\r\nthree\r\n0\r\n\r\n")
    assert body.closed


def test_a_body_without_a_length_ends_with_the_connection_where_chunks_are_unknown() -> (
    None
):
    old = b"GET / HTTP/1.0\r\nHost: h\r\nConnection: keep-alive\r\n\r\n"

    said = ask(answering(Answer(200, "", (), Body(b"one", b"two"))), old)

    assert b"transfer-encoding" not in said
    assert said.endswith(b"connection: close\r\n\r\nonetwo")


@pytest.mark.parametrize("chunks", [(b"four",), (b"four", b"more")])
def test_a_body_that_is_not_as_long_as_it_says_never_passes_for_a_whole_one(
    chunks: tuple[bytes, ...],
) -> None:
    answer = Answer(200, "", (("content-length", "6"),), Body(*chunks))

    said = ask(answering(answer), GET % b"1" + GET % b"2")

    assert len(said.rpartition(b"\r\n\r\n")[2]) < 6


@pytest.mark.parametrize("end", ["\r\n", "\r", "\n"])
def test_no_answer_has_a_header_that_holds_a_line_end(end: str) -> None:
    answer = Answer(200, "", (("x-name", f"a{end}x-other: b"),), b"")

    assert ask(answering(answer), GET % b"") == b""


def test_an_answer_that_ends_the_connection_does() -> None:
    answer = Answer(200, "", (("connection", "close"),), b"x")

    said = ask(answering(answer), GET % b"1" + GET % b"2")

    assert said.count(b"HTTP/1.1 ") == said.count(b"connection: close") == 1


def test_a_server_that_leaves_says_so_with_each_answer() -> None:
    said = ask(Server(echo, last=True), GET % b"1")

    assert said == ok(b"/1", last=True)


def test_a_head_that_never_ends_is_given_up() -> None:
    server = Server(echo, longest_head=0.2)

    said = ask(server, b"GET / HTT")

    assert said == b"HTTP/1.1 408 refused\r\n\r\n"


def test_a_second_head_that_never_ends_is_given_up() -> None:
    server = Server(echo, longest_head=0.3)

    said = ask(server, GET % b"1", b"GET / HTT")

    assert said == ok(b"/1") + b"HTTP/1.1 408 refused\r\n\r\n"


def test_who_rests_too_long_is_left_without_a_word() -> None:
    server = Server(echo, longest_rest=0.2)

    assert ask(server, GET % b"1") == ok(b"/1")


def test_an_answer_that_takes_long_is_waited_for() -> None:
    async def serve(_: Arrival, tell: Tell) -> None:
        await asyncio.sleep(0.5)
        await tell(Answer(200, "OK", (), b"x"), None)

    server = Server(serve, longest_head=0.1, longest_rest=0.1)

    assert ask(server, GET % b"1") == ok(b"x")


@pytest.mark.parametrize("at_once", [True, False])
def test_a_head_that_is_too_large_is_refused(*, at_once: bool) -> None:
    size = clients.LARGEST_HEAD
    head = b"GET / HTTP/1.1\r\nX: " + b"x" * size
    parts = (head,) if at_once else (head[: size // 2], head[size // 2 :])

    assert ask(Server(echo), *parts).startswith(b"HTTP/1.1 431 ")


def test_who_is_gone_ends_the_stream_that_nobody_reads() -> None:
    body = Body(b"one", after=asyncio.Event())
    over = asyncio.Event()

    async def serve(arrival: Arrival, tell: Tell) -> None:
        try:
            await tell(Answer(200, "", (), body), arrival.receive)
        finally:
            over.set()

    async def leave() -> None:
        listening = await Server(serve).start()
        reader, writer = await _connected(listening)
        writer.write(GET % b"")
        await reader.readuntil(b"one")
        writer.close()
        async with asyncio.timeout(30):
            await over.wait()
        listening.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(leave())
    assert body.closed


def test_an_answer_goes_no_faster_than_it_is_taken() -> None:
    body = Body(*([b"x" * 65536] * 400))

    async def serve(_: Arrival, tell: Tell) -> None:
        await tell(Answer(200, "", (), body), None)

    async def take_late() -> tuple[int, int]:
        listening = await Server(serve).start()
        reader, writer = await _connected(listening)
        writer.write(LAST % b"")
        await asyncio.sleep(0.5)
        early = body.given
        async with asyncio.timeout(30):
            received = await reader.read()
        writer.close()
        listening.close()
        return early, len(received)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        early, size = runner.run(take_late())
    assert early < 400 * 65536 / 2
    assert size > 400 * 65536


def test_a_fault_of_the_front_ends_the_connection() -> None:
    async def serve(_: Arrival, _tell: Tell) -> None:
        raise RuntimeError("a fault")

    assert ask(Server(serve), GET % b"1" + GET % b"2") == b""
