"""Which addresses a route may name as its upstreams."""

import re
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

LOCAL = "local"

_PRINTABLE = re.compile(r"[!-~]+")
_SOCKET = re.compile(r"unix:(?:/[^/:?#\s]+)+(?::/[^?#\s]*)?")


def is_address(text: str) -> bool:
    """Say whether it is `local`, `http[s]://host[:port][/path]` or `unix:/path[:/path]`.

    An address that only this machine or its cloud can mean (0.0.0.0, 169.254.169.254)
    is none.
    """
    if not _PRINTABLE.fullmatch(text):
        return False
    return text == LOCAL or is_base_url(text) or bool(_SOCKET.fullmatch(text))


def is_base_url(text: str) -> bool:
    """Say whether it is a URL to whose path others can be added."""
    try:
        parts = urlsplit(text)
        has_address = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return (
        has_address
        and parts.scheme in {"http", "https"}
        and _is_bare(parts)
        and not _is_of_the_machine(parts.hostname or "")
    )


def _is_bare(parts: SplitResult) -> bool:
    return not (parts.query or parts.fragment or parts.username or parts.password)


def _is_of_the_machine(host: str) -> bool:
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return address.is_link_local or address.is_unspecified or address.is_multicast
