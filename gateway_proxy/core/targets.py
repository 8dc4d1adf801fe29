"""Refuses request targets that two programs could read differently."""

import re
from urllib.parse import unquote_to_bytes

from gateway_proxy.core.errors import MalformedRequest, TargetTooLong

TARGET_LIMIT = 8 * 1024

_PRINTABLE = re.compile(r"[!-~]*")
# Most paths: nothing is escaped, no segment is empty or begins with a dot.
_PLAIN = re.compile(r"(?:/[A-Za-z0-9_~-][A-Za-z0-9_~.-]*)+/?")
_PLAIN_QUERY = re.compile(r'[!"$-~]*')
_HIDDEN_SEPARATOR = re.compile(r"%2f|%5c", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def check_target(path: str, query: str) -> None:
    """Refuse a path and a query that are not plainly one thing.

    Nothing is normalized: what passes is forwarded byte for byte, and what the route
    was found with is what the upstream reads.
    """
    if len(path) + len(query) > TARGET_LIMIT:
        raise TargetTooLong
    if _PLAIN.fullmatch(path) and _PLAIN_QUERY.fullmatch(query):
        return
    if not (_PRINTABLE.fullmatch(path) and _PRINTABLE.fullmatch(query)):
        raise MalformedRequest("The URL holds a character that must be escaped.")
    if "#" in path or "#" in query or _HIDDEN_SEPARATOR.search(path):
        raise MalformedRequest("The path hides a separator.")
    _check_decoded(path)


def _check_decoded(path: str) -> None:
    try:
        decoded = unquote_to_bytes(path).decode("utf-8")
    except UnicodeDecodeError:
        raise MalformedRequest("The path is not UTF-8.") from None
    if _CONTROL.search(decoded):
        raise MalformedRequest("The path holds a control character.")
    if "%" in decoded:
        raise MalformedRequest("The path is escaped twice.")
    if "\\" in decoded or "//" in decoded:
        raise MalformedRequest("The path holds a doubled or reversed separator.")
    # Some programs cut a segment's parameters off before they resolve it.
    names = {segment.partition(";")[0] for segment in decoded.split("/")}
    if names & {".", ".."}:
        raise MalformedRequest("The path holds a dot segment.")
