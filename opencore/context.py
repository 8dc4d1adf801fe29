"""What work is done for: the request it belongs to, who asks, the event behind it."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from opencore.ids import uuid7_text
from opencore.tenancy import enter_user

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")

ActorKind = Literal["user", "service_account", "staff", "system"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Actor:
    """Who is at work, and by what: a session, an API key, the admin.

    `on_behalf_of` is the person as whom staff act; `reason` is why staff do it.
    """

    kind: ActorKind
    actor_id: UUID
    session_id: UUID | None = None
    api_key_id: UUID | None = None
    on_behalf_of: UUID | None = None
    reason: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Device:
    """Where a request came from; personal, so it is kept only where it can be erased."""

    ip: str | None
    user_agent: str


_request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
_causation_id: ContextVar[UUID | None] = ContextVar("causation_id", default=None)

_actor: ContextVar[Actor | None] = ContextVar("actor", default=None)
_device: ContextVar[Device | None] = ContextVar("device", default=None)


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


def current_actor() -> Actor | None:
    """Return who is at work, if somebody was recognized."""
    return _actor.get()


def current_device() -> Device | None:
    """Return where the request came from, if there is one."""
    return _device.get()


def act_as(actor: Actor) -> None:
    """Let the rest of this work be the actor's, and touch what is theirs."""
    _actor.set(actor)
    person = _person_of(actor)
    if person is not None:
        enter_user(person)


def work_for(*, request_id: str) -> None:
    """Let the rest of this task belong to a request, and nobody be at work in it yet."""
    _request_id.set(request_id)
    _causation_id.set(None)
    _device.set(None)
    _actor.set(None)


@contextmanager
def working_for(
    *,
    request_id: str | None,
    causation_id: UUID | None = None,
    device: Device | None = None,
) -> Iterator[None]:
    """Let all that happens inside belong to a request, and to the event behind it.

    Nobody is at work there until act_as says who.
    """
    request_token = _request_id.set(request_id)
    causation_token = _causation_id.set(causation_id)
    device_token = _device.set(device)
    actor_token = _actor.set(None)
    try:
        yield
    finally:
        _actor.reset(actor_token)
        _device.reset(device_token)
        _causation_id.reset(causation_token)
        _request_id.reset(request_token)


def _person_of(actor: Actor) -> UUID | None:
    if actor.on_behalf_of is not None:
        return actor.on_behalf_of
    return actor.actor_id if actor.kind == "user" else None
