"""Which addresses a route may name as its upstreams, and what they say."""

import re
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

LOCAL = "local"

_PRINTABLE = re.compile(r"[!-~]+")
_SOCKET = re.compile(r"unix:(?:/[^/:?#\s]+)+(?::/[^?#\s]*)?")
_UNIX = "unix:"
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Address:
    """One host: `authority` is what it is called in a request, `base` its own root."""

    scheme: str
    authority: str
    base: str = ""
    socket: str | None = None

    @property
    def origin(self) -> str:
        """The host, and the base path if any, that its own links begin with."""
        return self.authority + self.base

    @property
    def host_and_port(self) -> tuple[str, int]:
        """The host without brackets, and the port, the scheme's if none was said."""
        parts = urlsplit(f"//{self.authority}")
        return parts.hostname or "", parts.port or _PORTS[self.scheme]


def read_address(address: str) -> Address:
    """Return what `http[s]://host[:port][/base]` or `unix:/socket[:/base]` says."""
    if address.startswith(_UNIX):
        socket, _, base = address.removeprefix(_UNIX).partition(":")
        return Address("http", "localhost", base.rstrip("/"), socket)
    parts = urlsplit(address)
    return Address(parts.scheme, parts.netloc, parts.path.rstrip("/"))


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
