"""What the gateway makes of a request's frame, whatever its server let through."""

import pytest

from gateway_proxy.core.errors import MalformedRequest, WebSocketNotSupported
from gateway_proxy.core.framing import check_framing, check_host

HOST = (b"host", b"opencore.example")
CHUNKED = (b"transfer-encoding", b"chunked")


def framed(
    *headers: tuple[bytes, bytes], target: str = "/billing", version: str = "1.1"
) -> int | None:
    return check_framing(target=target, headers=headers, version=version)


@pytest.mark.parametrize(
    ("headers", "length"),
    [
        ([], 0),
        ([(b"content-length", b"0")], 0),
        ([(b"content-length", b"12")], 12),
        ([(b"content-length", b"\t12 ")], 12),
        ([CHUNKED], None),
        ([(b"transfer-encoding", b" Chunked\t")], None),
    ],
)
def test_a_plain_body_has_one_length(
    headers: list[tuple[bytes, bytes]], length: int | None
) -> None:
    assert framed(*headers) == length


@pytest.mark.parametrize(
    "headers",
    [
        [(b"content-length", b"4"), CHUNKED],
        [CHUNKED, (b"content-length", b"4")],
        [CHUNKED, CHUNKED],
        [(b"content-length", b"4"), (b"content-length", b"4")],
        [(b"content-length", b"4, 4")],
        [(b"content-length", b"+4")],
        [(b"content-length", b"-4")],
        [(b"content-length", b"4_0")],
        [(b"content-length", b"0x4")],
        [(b"content-length", b"4.0")],
        [(b"content-length", b"\xb2")],
        [(b"content-length", b"")],
        [(b"content-length", b"9" * 19)],
        [(b"transfer-encoding", b"gzip, chunked")],
        [(b"transfer-encoding", b"chunked, identity")],
        [(b"transfer-encoding", b"identity")],
        [(b"transfer-encoding", b"xchunked")],
        [(b"transfer-encoding", b"")],
    ],
)
def test_a_body_of_an_unclear_length_is_refused(
    headers: list[tuple[bytes, bytes]],
) -> None:
    with pytest.raises(MalformedRequest):
        framed(*headers)


def test_a_body_in_chunks_is_refused_where_none_can_be() -> None:
    with pytest.raises(MalformedRequest):
        framed(CHUNKED, version="1.0")


@pytest.mark.parametrize(
    "host",
    [
        b"opencore.example",
        b"OpenCore.Example:8000",
        b"10.0.0.1",
        b"api",
        b"[::1]",
        b"[2001:db8::1]:443",
        b"opencore.example.",
    ],
)
def test_a_host_may_have_a_port(host: bytes) -> None:
    check_host([(b"host", host)])


@pytest.mark.parametrize(
    "host",
    [
        b"",
        b"a, b",
        b"a b",
        b"a/b",
        b"a?b",
        b"user@a",
        b"a:b",
        b"a:",
        b"a:123456",
        b":80",
        b"a_b",
        b"-a",
        b"[::1",
        b"::1",
        b"a\\b",
        b"caf\xe9.example",
    ],
)
def test_a_host_that_is_none_is_refused(host: bytes) -> None:
    with pytest.raises(MalformedRequest):
        check_host([(b"host", host)])


@pytest.mark.parametrize("hosts", [[], [HOST, HOST], [HOST, (b"host", b"evil.test")]])
def test_a_request_to_no_host_or_several_is_refused(
    hosts: list[tuple[bytes, bytes]],
) -> None:
    with pytest.raises(MalformedRequest):
        check_host(hosts)


@pytest.mark.parametrize(
    "name",
    [
        b"x_user_id",
        b"X-User-Id",
        b"content_length",
        b"x user",
        b"x:",
        b"x\x00",
        b"x\n",
        b"x\xff",
        b"x(y)",
        b"",
    ],
)
def test_a_name_that_another_program_could_read_differently_is_refused(
    name: bytes,
) -> None:
    with pytest.raises(MalformedRequest):
        framed((name, b"root"))


@pytest.mark.parametrize(
    "value", [b"a\r\nb: c", b"a\r\n b", b"a\nb", b"a\rb", b"a\x00b", b"a\x0bb", b"\x7f"]
)
def test_a_value_with_a_control_character_is_refused(value: bytes) -> None:
    with pytest.raises(MalformedRequest):
        framed((b"x-note", value))


@pytest.mark.parametrize("value", [b"", b"a\tb", b" a ", b"caf\xe9", b'"!~"'])
def test_a_value_may_hold_what_http_lets_it_hold(value: bytes) -> None:
    assert framed((b"x-note", value)) == 0


@pytest.mark.parametrize(
    "target",
    [
        "",
        "*",
        "http://evil.test/billing",
        "evil.test:443",
        "billing",
        "\\billing",
    ],
)
def test_a_target_that_is_no_path_is_refused(target: str) -> None:
    with pytest.raises(MalformedRequest):
        framed(target=target)


@pytest.mark.parametrize("version", ["0.9", "1.2", "2", "2.0", "3", ""])
def test_another_version_is_refused(version: str) -> None:
    with pytest.raises(MalformedRequest):
        framed(version=version)


@pytest.mark.parametrize("value", [b"websocket", b"WebSocket", b"h2c, websocket"])
def test_a_websocket_is_refused_by_its_name(value: bytes) -> None:
    with pytest.raises(WebSocketNotSupported):
        framed((b"connection", b"upgrade"), (b"upgrade", value))


def test_any_other_upgrade_is_not_taken() -> None:
    assert framed((b"connection", b"upgrade"), (b"upgrade", b"h2c")) == 0
