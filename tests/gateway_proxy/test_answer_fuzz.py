"""However an answer is cut into pieces and spoiled, it is read as others read it."""

import asyncio
import http.client
from dataclasses import dataclass, field
from io import BytesIO
from itertools import pairwise
from typing import cast

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser
from hypothesis import given
from hypothesis import strategies as st

from gateway_proxy.core.answers import check_head
from gateway_proxy.core.errors import UpstreamFailed
from gateway_proxy.streaming.connection import Connection, Reading

Read = tuple[int, bytes]

NAMES = st.sampled_from(
    ["X-A", "x-b", "Set-Cookie", "Connection", "Content-Length", "Transfer-Encoding"]
)
VALUES = st.sampled_from(
    ["", "1", "a b", "\xe9", "close", "keep-alive", "chunked", "3", "03", "+3", "3, 3"]
)
STATUSES = st.sampled_from(["200 OK", "204 No Content", "304 Not Modified", "100 C"])
BODIES = st.sampled_from(
    [
        b"",
        b"abc",
        b"3\r\nabc\r\n0\r\n\r\n",
        b"3;x=y\r\nabc\r\n0\r\nX-T: 1\r\n\r\n",
        b"1\r\na\r\n2\r\nbc\r\n0\r\n\r\n",
        b"abcHTTP/1.1 200 OK\r\n\r\n",
        b"-1\r\na",
    ]
)
SPOILS = st.lists(
    st.tuples(
        st.integers(0, 200), st.sampled_from([b"", b"\r", b"\n", b"\0", b" ", b":"])
    ),
    max_size=2,
)


@st.composite
def well_formed(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """An answer that nobody can misread, and its body."""
    body = draw(st.binary(max_size=300))
    chunks = [body[:100], body[100:150], body[150:]]
    headers = draw(st.lists(st.tuples(st.just("X-A"), VALUES), max_size=3))
    lines = [f"{name}: {value}" for name, value in headers]
    framed = {
        "length": (f"Content-Length: {len(body)}", body),
        "chunks": (
            "Transfer-Encoding: chunked",
            b"".join(b"%x\r\n%b\r\n" % (len(one), one) for one in chunks if one)
            + b"0\r\n\r\n",
        ),
        "close": ("Connection: close", body),
    }
    line, wire = framed[draw(st.sampled_from(sorted(framed)))]
    head = "\r\n".join(["HTTP/1.1 200 OK", *lines, line]) + "\r\n\r\n"
    return head.encode("latin-1") + wire, body


@st.composite
def followed(draw: st.DrawFn) -> bytes:
    """An answer, and what may come after it."""
    raw, _ = draw(well_formed())
    after = [b"", b"\r\n", b"x", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\n\r\n"]
    return raw + draw(st.sampled_from(after))


@st.composite
def made_up(draw: st.DrawFn) -> bytes:
    """Something like an answer."""
    headers = draw(st.lists(st.tuples(NAMES, VALUES), max_size=4))
    lines = [f"{name}: {value}" for name, value in headers]
    head = "\r\n".join([f"HTTP/1.1 {draw(STATUSES)}", *lines]) + "\r\n\r\n"
    return head.encode("latin-1") + draw(BODIES)


@st.composite
def spoiled(draw: st.DrawFn) -> bytes:
    """An answer with a few bytes changed."""
    raw = draw(followed() | made_up())
    for place, spoil in draw(SPOILS):
        raw = raw[:place] + spoil + raw[place + 1 :]
    return raw


@dataclass
class Wire:
    """The transport of a connection that nobody is at the other end of."""

    aborted: bool = False
    kept: list[Connection] = field(default_factory=list)

    def abort(self) -> None:
        self.aborted = True

    def is_closing(self) -> bool:
        return self.aborted

    def pause_reading(self) -> None:
        """Stop nothing."""

    def resume_reading(self) -> None:
        """Begin nothing."""


class Pieces:
    """Reads what comes in pieces as the gateway does."""

    def __init__(self) -> None:
        self.wire = Wire()
        self.connection = Connection(
            self.wire.kept.append, cast("asyncio.AbstractEventLoop", None)
        )
        self.connection.connection_made(cast("asyncio.Transport", self.wire))

    async def read(
        self, raw: bytes, cuts: list[int], *, until_end: bool
    ) -> Read | None:
        """Return status and body, or None if it is no answer."""
        self.connection.loop = asyncio.get_running_loop()
        reading = Reading(self.connection, without_body=False)
        places = sorted({min(cut, len(raw)) for cut in cuts} | {0, len(raw)})
        for start, end in pairwise(places):
            self.connection.data_received(raw[start:end])
        if until_end:
            self.connection.eof_received()
        elif not reading.ended:
            return None
        try:
            await reading.head()
            check_head(reading.status, reading.headers)
            return reading.status, await reading.whole()
        except UpstreamFailed:
            return None


class Llhttp:
    """Reads all at once, and nothing but."""

    def __init__(self) -> None:
        self.parser = HttpResponseParser(self)
        self.status = 0
        self.body = b""
        self.ended = False

    def on_headers_complete(self) -> None:
        if not self.ended:
            self.status = self.parser.get_status_code()

    def on_body(self, data: bytes) -> None:
        if not self.ended:
            self.body += data

    def on_message_complete(self) -> None:
        self.ended = self.ended or self.status >= 200


def read_by_llhttp(raw: bytes) -> Read | None:
    """Return status and body of an answer that has an end of its own."""
    reader = Llhttp()
    try:
        reader.parser.feed_data(raw)
    except (HttpParserError, HttpParserUpgrade):
        return (reader.status, reader.body) if reader.ended else None
    return (reader.status, reader.body) if reader.ended else None


class Bytes:
    """A socket that all has come from."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw

    def makefile(self, mode: str) -> BytesIO:
        return BytesIO(self._raw)


def read_by_python(raw: bytes) -> Read | None:
    """Return status and body as http.client reads them."""
    response = http.client.HTTPResponse(cast("http.client.socket.socket", Bytes(raw)))  # type: ignore[name-defined]  # -- its socket is any socket
    try:
        response.begin()
        body = response.read()
    except (http.client.HTTPException, ValueError):
        return None
    # RFC 9112, 6.3: these end with their head, which Python forgets if chunks follow.
    return response.status, b"" if response.status in {204, 304} else body


CUTS = st.lists(st.integers(0, 500), max_size=6)


@given(well_formed(), CUTS)
def test_an_answer_in_pieces_is_read_whole(
    answer: tuple[bytes, bytes], cuts: list[int]
) -> None:
    raw, body = answer

    assert asyncio.run(Pieces().read(raw, cuts, until_end=True)) == (200, body)


@given(spoiled(), CUTS)
def test_a_spoiled_answer_in_pieces_is_read_as_llhttp_reads_it_or_refused(
    raw: bytes, cuts: list[int]
) -> None:
    read = asyncio.run(Pieces().read(raw, cuts, until_end=False))

    assert read in {None, read_by_llhttp(raw)}


@given(spoiled(), CUTS)
def test_a_spoiled_answer_is_read_as_python_reads_it_or_refused_by_one(
    raw: bytes, cuts: list[int]
) -> None:
    read = asyncio.run(Pieces().read(raw, cuts, until_end=True))
    by_python = read_by_python(raw)

    assert read == by_python or None in {read, by_python}


@given(spoiled(), CUTS)
def test_a_connection_is_kept_only_when_nothing_came_after_its_answer(
    raw: bytes, cuts: list[int]
) -> None:
    pieces = Pieces()

    asyncio.run(pieces.read(raw, cuts, until_end=False))

    shorter = raw.rstrip(b"\r\n")[:-1]
    assert not (pieces.wire.kept and read_by_llhttp(shorter) is not None)
