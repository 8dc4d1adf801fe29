"""What work is done for: the request it belongs to and the event behind it."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from uuid import UUID

from opencore.ids import uuid7_text

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")

_request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
_causation_id: ContextVar[UUID | None] = ContextVar("causation_id", default=None)


def new_request_id() -> str:
    """Return a fresh request id."""
    return uuid7_text()


def accepted_request_id(text: str | None) -> str:
    """Return a caller's request id if it is well formed, else a new one."""
    if text is not None and _REQUEST_ID.fullmatch(text):
        return text
    return new_request_id()


def current_request_id() -> str | None:
    """Return the id of the request that this work belongs to, if it has one."""
    return _request_id.get()


def current_causation_id() -> UUID | None:
    """Return the id of the event that is being handled, if one is."""
    return _causation_id.get()


@contextmanager
def working_for(
    *, request_id: str | None, causation_id: UUID | None = None
) -> Iterator[None]:
    """Let all that happens inside belong to a request, and to the event behind it."""
    request_token = _request_id.set(request_id)
    causation_token = _causation_id.set(causation_id)
    try:
        yield
    finally:
        _causation_id.reset(causation_token)
        _request_id.reset(request_token)
