"""The door for those who want to hear: `handles`."""

from collections.abc import Callable, Iterator, Mapping, Set
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from importlib import import_module
from typing import TypeVar
from uuid import UUID

from django.apps import apps

from opencore.events import Event

E = TypeVar("E", bound=Event)
Handler = Callable[[E, UUID], None]


@dataclass(frozen=True, slots=True)
class Place:
    """Where in Kafka the event that is being handled lies."""

    topic: str
    partition: int
    offset: int


_place: ContextVar[Place | None] = ContextVar("place", default=None)

_handlers: dict[str, dict[str, Handler[Event]]] = {}
_in_batches: dict[str, set[str]] = {}


class ConsumerUnknown(LookupError):
    """No app of that name handles events."""


class HandlerTaken(RuntimeError):
    """One app has two handlers for one event."""


def handles(
    event: type[E], *, in_batches: bool = False
) -> Callable[[Handler[E]], Handler[E]]:
    """Let the function hear of each such event, once, in one transaction with its work.

    The function gets the event and its id. It runs again if it did not commit; what it
    does outside the database needs the id as its idempotency key. Its consumer is the
    app that it stands in. With `in_batches` it may share its transaction with the
    handlers of other events, and runs again also if one of those fails: allow that to
    functions that touch nothing but the database.
    """

    def register(handler: Handler[E]) -> Handler[E]:
        consumer = handler.__module__.partition(".")[0]
        mine = _handlers.setdefault(consumer, {})
        if event.type in mine:
            raise HandlerTaken(f"{consumer} handles {event.type} twice.")
        mine[event.type] = handler  # type: ignore[assignment]  # -- looked up by that type only
        if in_batches:
            _in_batches.setdefault(consumer, set()).add(event.type)
        return handler

    return register


def handlers_of(consumer: str) -> Mapping[str, Handler[Event]]:
    """Return a consumer's handlers by event type, having imported all of them.

    Raises ConsumerUnknown if there is no such app or it handles nothing.
    """
    if consumer in {app.label for app in apps.get_app_configs()}:
        module = f"{apps.get_app_config(consumer).name}.handlers"
        try:
            import_module(module)
        except ModuleNotFoundError as error:
            if error.name != module:
                raise
    if consumer not in _handlers:
        raise ConsumerUnknown(f"No app named {consumer!r} handles events.")
    return _handlers[consumer]


def current_place() -> Place:
    """Return where the event that is being handled lies; LookupError outside of that."""
    place = _place.get()
    if place is None:
        raise LookupError("No event that came from Kafka is being handled.")
    return place


@contextmanager
def handling_from(place: Place) -> Iterator[None]:
    """Let the handlers that run inside know where their event lies."""
    token = _place.set(place)
    try:
        yield
    finally:
        _place.reset(token)


def types_in_batches(consumer: str) -> Set[str]:
    """Return the types whose handlers may share a transaction."""
    return _in_batches.get(consumer, set())
