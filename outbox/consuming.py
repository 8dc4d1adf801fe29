"""The door for those who want to hear: `handles`, and `handles_together`."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from importlib import import_module
from typing import Generic, TypeVar
from uuid import UUID

from django.apps import apps

from opencore.context import new_request_id, working_for
from opencore.events import Event

E = TypeVar("E", bound=Event)
E_co = TypeVar("E_co", bound=Event, covariant=True)


@dataclass(frozen=True, slots=True)
class Place:
    """Where in Kafka the event that is being handled lies."""

    topic: str
    partition: int
    offset: int


@dataclass(frozen=True, slots=True)
class Heard(Generic[E_co]):
    """An event that came from Kafka, and what it belongs to."""

    event: E_co
    event_id: UUID
    place: Place
    request_id: str | None = None

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Let what happens inside be because of this event."""
        with (
            working_for(
                request_id=self.request_id or new_request_id(),
                causation_id=self.event_id,
            ),
            handling_from(self.place),
        ):
            yield


Handler = Callable[[E, UUID], None]
HandlerOfMany = Callable[[Sequence[Heard[E]]], None]


@dataclass(frozen=True, slots=True)
class Handling:
    """How a consumer handles the events of one type, one or many of them at once."""

    name: str
    handle: HandlerOfMany[Event]
    in_batches: bool


_place: ContextVar[Place | None] = ContextVar("place", default=None)

_handlings: dict[str, dict[str, Handling]] = {}


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
        _register(event, handler, one_by_one(handler), in_batches=in_batches)
        return handler

    return register


def handles_together(
    event: type[E],
) -> Callable[[HandlerOfMany[E]], HandlerOfMany[E]]:
    """Let the function hear of many such events at once, each of them once.

    It is for what one statement can do for all of them, and shares its transaction as
    handlers `in_batches` do. It gets at least one event, and those of one key in their
    order, which may be several. What it emits, it emits `at_work` for one of them. If
    it fails, it hears of each of them alone.
    """

    def register(handler: HandlerOfMany[E]) -> HandlerOfMany[E]:
        _register(event, handler, handler, in_batches=True)
        return handler

    return register


def one_by_one(handler: Handler[E]) -> HandlerOfMany[E]:
    """Return what hands each of many events to the handler of one."""

    def handle(heard: Sequence[Heard[E]]) -> None:
        for one in heard:
            with one.at_work():
                handler(one.event, one.event_id)

    return handle


def handlings_of(consumer: str) -> Mapping[str, Handling]:
    """Return how a consumer handles events, by their type, having imported all of it.

    Raises ConsumerUnknown if there is no such app or it handles nothing.
    """
    if consumer in {app.label for app in apps.get_app_configs()}:
        module = f"{apps.get_app_config(consumer).name}.handlers"
        try:
            import_module(module)
        except ModuleNotFoundError as error:
            if error.name != module:
                raise
    if consumer not in _handlings:
        raise ConsumerUnknown(f"No app named {consumer!r} handles events.")
    return _handlings[consumer]


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


def _register(
    event: type[E],
    handler: Callable[..., None],
    handle: HandlerOfMany[E],
    *,
    in_batches: bool,
) -> None:
    consumer = handler.__module__.partition(".")[0]
    mine = _handlings.setdefault(consumer, {})
    if event.type in mine:
        raise HandlerTaken(f"{consumer} handles {event.type} twice.")
    mine[event.type] = Handling(
        name=f"{handler.__module__}.{handler.__name__}",
        handle=handle,  # type: ignore[arg-type]  # -- looked up by that type only
        in_batches=in_batches,
    )
