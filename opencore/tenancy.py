"""Whose rows a request may touch: said here, and held to by PostgreSQL."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from uuid import UUID


@dataclass(frozen=True, kw_only=True, slots=True)
class Tenancy:
    """What a request has proved so far; it reaches no rows but those of this."""

    user_id: UUID | None = None
    organization_id: UUID | None = None
    # The part of an API key that finds its row.
    key: str = ""
    # Hashes of the token in the link that was followed, by each key that may be right.
    links: tuple[bytes, ...] = ()


_tenancy: ContextVar[Tenancy | None] = ContextVar("tenancy", default=None)


def current_tenancy() -> Tenancy | None:
    """Return whose rows can be touched; None outside of requests: all."""
    return _tenancy.get()


@contextmanager
def confined(tenancy: Tenancy | None = None) -> Iterator[None]:
    """Let what happens inside touch nobody's rows until it is proved whose it may."""
    token = _tenancy.set(tenancy or Tenancy())
    try:
        yield
    finally:
        _tenancy.reset(token)


@contextmanager
def unconfined() -> Iterator[None]:
    """Let the system itself look, in the middle of a request, at what is nobody's."""
    token = _tenancy.set(None)
    try:
        yield
    finally:
        _tenancy.reset(token)


def enter_user(user_id: UUID) -> None:
    """Let the rest of the request touch what belongs to a person who was recognized."""
    _prove(user_id=user_id)


def enter_organization(organization_id: UUID) -> None:
    """Let the rest of the request touch an organization that the caller may enter."""
    _prove(organization_id=organization_id)


def show_key(prefix: str) -> None:
    """Let the rest of the request find the API key with this prefix."""
    _prove(key=prefix)


def show_links(hashes: Sequence[bytes]) -> None:
    """Let the rest of the request find the invitation that has one of these hashes."""
    _prove(links=tuple(hashes))


def _prove(**proved: object) -> None:
    tenancy = _tenancy.get()
    if tenancy is not None:
        _tenancy.set(replace(tenancy, **proved))  # type: ignore[arg-type]  # -- each caller names a field of its type
