"""Refuses requests that two programs could take for different ones, or for two.

It looks at what an ASGI server shows of a request. A strict server refuses most of it
before; none of them refuses all of it, and the gateway relies on none.
"""

import re
import string
from collections.abc import Sequence
from functools import lru_cache

from gateway_proxy.core.errors import MalformedRequest, WebSocketNotSupported

RawHeaders = Sequence[tuple[bytes, bytes]]

_ENCODING = b"transfer-encoding"
_LAST = {"Connection": "close"}
_VERSIONS = frozenset({"1.0", "1.1"})
# A server that reads CGI names can't tell `_` from `-`; ASGI's are in small letters.
_OF_NAMES = f"!#$%&'*+-.^`|~{string.digits}{string.ascii_lowercase}".encode()
_OF_VALUES = bytes((ord("\t"), *range(0x20, 0x7F), *range(0x80, 0x100)))
_HOST = re.compile(
    rb"(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9.])?|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?",
    re.IGNORECASE,
)
# More digits than any body has bytes.
_LONGEST_LENGTH = 18


def check_framing(*, target: str, headers: RawHeaders, version: str) -> int | None:
    """Return how long the body is, None if it comes in chunks; refuse what is unclear.

    `target` is the request target, as the client wrote it. The connection ends with the
    refusal, since what follows may be the rest of what was refused.
    """
    if version not in _VERSIONS:
        raise _unclear("This version of HTTP is not spoken here.")
    if target[:1] != "/":
        raise _unclear("The request names no path.")
    names = [name for name, _ in headers]
    values = [value for _, value in headers]
    _check_characters(names, values)
    _check_upgrade(names, values)
    return _length_of_body(names, values, version)


def check_host(headers: RawHeaders) -> None:
    """Refuse a request that does not name exactly one host."""
    hosts = [value for name, value in headers if name == b"host"]
    if len(hosts) != 1 or not _is_host(hosts[0]):
        raise _unclear("The request does not name exactly one host.")


@lru_cache(maxsize=256)
def _is_host(text: bytes) -> bool:
    return _HOST.fullmatch(text) is not None


def _check_characters(names: list[bytes], values: list[bytes]) -> None:
    if b"" in names or b"".join(names).translate(None, _OF_NAMES):
        raise _unclear("A header's name holds a character that none may.")
    if b"".join(values).translate(None, _OF_VALUES):
        raise _unclear("A header holds a control character.")


def _check_upgrade(names: list[bytes], values: list[bytes]) -> None:
    # Any other upgrade may be ignored, and the header goes no further.
    if b"upgrade" in names and any(
        name == b"upgrade" and b"websocket" in value.lower()
        for name, value in zip(names, values, strict=True)
    ):
        raise WebSocketNotSupported(headers=_LAST)


def _length_of_body(
    names: list[bytes], values: list[bytes], version: str
) -> int | None:
    lengths, encodings = names.count(b"content-length"), names.count(_ENCODING)
    if lengths + encodings > 1:
        raise _unclear("The body's length is said more than once.")
    if encodings:
        encoding = values[names.index(_ENCODING)].strip(b" \t").lower()
        if encoding != b"chunked" or version == "1.0":
            raise _unclear("This transfer encoding is not known here.")
        return None
    if not lengths:
        return 0
    length = values[names.index(b"content-length")].strip(b" \t")
    if not length.isdigit() or len(length) > _LONGEST_LENGTH:
        raise _unclear("Content-Length is not a number.")
    return int(length)


def _unclear(detail: str) -> MalformedRequest:
    return MalformedRequest(detail, headers=_LAST)
