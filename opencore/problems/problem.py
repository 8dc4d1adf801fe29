"""A problem as a value, and how it is written down."""

import html
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from string import Template
from typing import Any

from opencore.errors import FieldProblem, Retryable

MEDIA_TYPE = "application/problem+json"
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_PAGE = Template(
    """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>$status $title</title>
<meta name="viewport" content="width=device-width, initial-scale=1"></head>
<body><main><h1>$title</h1><p>$detail</p>
<p>Code: <a href="/problems/$code"><code>$code</code></a><br>
Request: <code>$request_id</code></p></main></body></html>
"""
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """What went wrong, in words that are safe to show to anybody."""

    code: str
    status: int
    detail: str
    retryable: Retryable = "no"
    errors: tuple[FieldProblem, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    extensions: Mapping[str, str] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """Return the status in words."""
        return HTTPStatus(self.status).phrase

    def to_json(self, *, request_id: str, public_url: str) -> bytes:
        """Return RFC 9457's members and our own."""
        members: dict[str, Any] = {
            "type": f"{public_url}/problems/{self.code}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            "request_id": request_id,
            "retryable": self.retryable,
        }
        if _UUID.fullmatch(request_id):
            members["instance"] = f"urn:uuid:{request_id}"
        if self.errors:
            members["errors"] = [
                {"pointer": error.pointer, "code": error.code, "detail": error.detail}
                for error in self.errors
            ]
        members.update(self.extensions)
        # A name that a client made up may hold half a character.
        return json.dumps(members, ensure_ascii=False).encode(errors="replace")

    def to_page(self, *, request_id: str) -> bytes:
        """Return a page for people, for where people look at pages."""
        words = {
            "status": str(self.status),
            "title": self.title,
            "detail": self.detail,
            "code": self.code,
            "request_id": request_id,
        }
        safe = {name: html.escape(text) for name, text in words.items()}
        return _PAGE.substitute(safe).encode(errors="replace")
