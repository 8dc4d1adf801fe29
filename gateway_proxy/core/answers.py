"""How large an answer may be, and which answers nobody can be sure how to read."""

import re

from gateway_proxy.core.errors import UpstreamFailed
from gateway_proxy.core.messages import Headers

# Up to this length an answer is read before any of it is passed on, so that one that
# is cut is a problem with a status, and may be asked for once more.
WHOLE_LIMIT = 256 * 1024
ANSWER_LIMIT = 32 * 1024 * 1024
HEAD_LIMIT = 64 * 1024
HEADER_COUNT = 100

FRAMING = frozenset({"content-length", "transfer-encoding"})
_NAMES = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]*")
_LINE_END = re.compile(r"[\r\n\0]")


def check_size(size: int) -> None:
    """Refuse an answer that is larger than any may be."""
    if size > ANSWER_LIMIT:
        raise UpstreamFailed.to_be_retried()


def is_endless(headers: Headers) -> bool:
    """Tell whether a body is server-sent events, which may go on for ever."""
    return any(
        name == "content-type" and value.lower().startswith("text/event-stream")
        for name, value in headers
    )


def check_head(status: int, headers: Headers) -> None:
    """Refuse an answer's head that is too large, or that two could read differently."""
    names = "".join([name for name, _ in headers])
    values = "".join([value for _, value in headers])
    size = len(names) + len(values) + len(headers) * len(": \r\n")
    if (
        not 200 <= status <= 599
        or len(headers) > HEADER_COUNT
        or size > HEAD_LIMIT
        or not _NAMES.fullmatch(names)
        or not (values.isprintable() or _LINE_END.search(values) is None)
        or not _is_framed_once(headers)
    ):
        raise UpstreamFailed.to_be_retried()


def length_of(headers: Headers) -> int | None:
    """Return the length that a checked head announces."""
    for name, value in headers:
        if name == "content-length":
            return int(value)
    return None


def _is_framed_once(headers: Headers) -> bool:
    framing = [pair for pair in headers if pair[0] in FRAMING]
    if not framing:
        return True
    (name, value), *more = framing
    if name == "transfer-encoding":
        return not more and value.lower() == "chunked"
    return not more and value.isascii() and value.isdecimal()
