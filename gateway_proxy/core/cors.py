"""Which pages of other origins may call the gateway from a browser."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Self
from urllib.parse import urlsplit

from gateway_proxy.core.messages import Answer, Headers

ANY = "*"
# What a script may read of an answer beside what browsers always show.
EXPOSED = (
    "RateLimit, RateLimit-Policy, Retry-After, X-Request-Id, ETag, Link, Location,"
    " Idempotency-Replayed, WWW-Authenticate"
)
METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE"
SECONDS_REMEMBERED = "600"

_DEFAULT_PORTS = {"http": 80, "https": 443}
_NAME = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_NAMES = re.compile(rf"{_NAME}(?:[ \t]*,[ \t]*{_NAME})*")
_PREFLIGHT_VARY = (
    "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"
)


@dataclass(frozen=True, slots=True)
class CrossOrigin:
    """Says to browsers whose scripts may read answers; without origins, nothing."""

    origins: frozenset[str] = frozenset()
    credentials: bool = False

    @classmethod
    def of(cls, origins: Sequence[str], *, credentials: bool) -> Self:
        """Check the origins; a wrong one is a ValueError that says how to write it."""
        for origin in origins:
            if origin != ANY and not _is_origin(origin):
                raise ValueError(
                    f"use https://host[:port] as browsers write it, without a path or"
                    f" a slash at its end; this is {origin!r}"
                )
        if ANY in origins and credentials:
            raise ValueError(f"{ANY!r} and credentials together would let anybody in")
        if ANY in origins and len(origins) > 1:
            raise ValueError(f"{ANY!r} stands alone, or is left out")
        return cls(frozenset(origins), credentials)

    def preflight(self, method: str, headers: Headers) -> Answer | None:
        """Return the answer to a browser's question, or None if this is none.

        An origin that may not call gets the same answer without permission. The names
        of the headers are in lower case.
        """
        if not self.origins or method != "OPTIONS":
            return None
        asked = dict(headers)
        if "origin" not in asked or "access-control-request-method" not in asked:
            return None
        fields = [("vary", _PREFLIGHT_VARY)]
        allowed = self._permission(headers)
        if allowed:
            wanted = asked.get("access-control-request-headers", "")
            fields += allowed
            fields.append(("access-control-allow-methods", METHODS))
            fields.append(("access-control-max-age", SECONDS_REMEMBERED))
            if _NAMES.fullmatch(wanted):
                fields.append(("access-control-allow-headers", wanted))
        status = HTTPStatus.NO_CONTENT
        return Answer(status.value, status.phrase, tuple(fields), b"")

    def decorate(self, request_headers: Headers, answer_headers: Headers) -> Headers:
        """Return an answer's headers with the gateway's word on who may read it.

        An upstream's own is replaced: two different words are read as none.
        """
        if not self.origins:
            return answer_headers
        kept = [
            pair
            for pair in answer_headers
            if not pair[0].lower().startswith("access-control-")
        ]
        allowed = self._permission(request_headers)
        if allowed:
            kept += allowed
            kept.append(("access-control-expose-headers", EXPOSED))
        return tuple(kept if ANY in self.origins else _varying_by_origin(kept))

    def _permission(self, headers: Headers) -> list[tuple[str, str]]:
        """Return the fields that let the asking origin in, none if it may not."""
        asking = [value for name, value in headers if name == "origin"]
        if len(asking) != 1:
            return []
        if ANY in self.origins:
            return [("access-control-allow-origin", ANY)]
        if asking[0] not in self.origins:
            return []
        allowed = [("access-control-allow-origin", asking[0])]
        if self.credentials:
            allowed.append(("access-control-allow-credentials", "true"))
        return allowed


def _varying_by_origin(headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Tell caches that another origin gets another answer, once."""
    varying = [value for name, value in headers if name.lower() == "vary"]
    names = {one.strip().lower() for value in varying for one in value.split(",")}
    if "*" in names or "origin" in names:
        return headers
    others = [pair for pair in headers if pair[0].lower() != "vary"]
    return [*others, ("vary", ", ".join([*filter(None, varying), "Origin"]))]


def _is_origin(text: str) -> bool:
    """Tell whether a browser would write an origin exactly so."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return False
    host = parts.hostname or ""
    if parts.scheme not in _DEFAULT_PORTS or not host or not text.isascii():
        return False
    if ":" in host:
        host = f"[{host}]"
    if port is not None and port != _DEFAULT_PORTS[parts.scheme]:
        host = f"{host}:{port}"
    return text == f"{parts.scheme}://{host}" and not re.search(r"[\s*,]", text)
