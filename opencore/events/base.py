"""What every event is: a frozen fact, flat, with a type and a key."""

from dataclasses import dataclass, fields
from datetime import UTC, datetime
from functools import cache
from types import UnionType
from typing import ClassVar, Self, get_args, get_type_hints
from uuid import UUID

Value = UUID | str | int | bool | datetime | None


class EventDataInvalid(ValueError):
    """The data does not fit the event's fields."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """A fact in the past tense; events of one key and topic keep their order."""

    type: ClassVar[str]
    personal: ClassVar[frozenset[str]] = frozenset()
    # Stored however many events wait: what it tells of must not be put off.
    urgent: ClassVar[bool] = False

    @property
    def key(self) -> UUID:
        """Return the id of the thing within which order matters."""
        raise NotImplementedError(f"{type(self).__name__} names no key.")

    @classmethod
    def topic(cls) -> str:
        """Return the stream that carries this type: the type without its last part."""
        return cls.type.rpartition(".")[0]

    def to_values(self) -> dict[str, Value]:
        """Return the fields as they are, but for times, which are in UTC."""
        return {
            name: _in_utc(getattr(self, name))
            if kind is datetime
            else getattr(self, name)
            for name, kind, _ in _fields_of(type(self))  # type: ignore[arg-type]  # -- a class is hashable
        }

    def to_data(self) -> dict[str, str | int | bool | None]:
        """Return the fields as JSON values."""
        return {name: _to_json(value) for name, value in self.to_values().items()}

    @classmethod
    def from_data(cls, data: object) -> Self:
        """Build the event from JSON values; unknown fields are passed over.

        Raises EventDataInvalid if a field is missing or of another type.
        """
        if not isinstance(data, dict):
            raise EventDataInvalid(f"{cls.type}: data is not an object.")
        values = {
            name: _from_json(cls.type, name, kind, optional, data[name])
            for name, kind, optional in _fields_of(cls)  # type: ignore[arg-type]  # -- a class is hashable
            if name in data
        }
        try:
            return cls(**values)
        except TypeError as error:
            raise EventDataInvalid(f"{cls.type}: {error}.") from error


def _to_json(value: Value) -> str | int | bool | None:
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return value


def _in_utc(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.astimezone(UTC)


@cache
def _fields_of(event: type[Event]) -> tuple[tuple[str, type, bool], ...]:
    """Return each field's name, its type, and whether it may be null.

    Found once: to read the hints of a class costs more than to read an event.
    """
    hints = get_type_hints(event)
    found = []
    for field in fields(event):
        hint = hints[field.name]
        kinds = get_args(hint) if isinstance(hint, UnionType) else (hint,)
        kind = next(kind for kind in kinds if kind is not type(None))
        found.append((field.name, kind, type(None) in kinds))
    return tuple(found)


def _from_json(
    event: str, name: str, kind: type, optional: bool, value: object
) -> Value:
    if value is None and optional:
        return None
    try:
        if kind is UUID and isinstance(value, str):
            return UUID(value)
        if kind is datetime and isinstance(value, str):
            return _aware(datetime.fromisoformat(value))
    except ValueError as error:
        raise EventDataInvalid(f"{event}: {name} is not a {kind.__name__}.") from error
    # Not isinstance: true is an int to Python, and is none here.
    if isinstance(value, str | int) and type(value) is kind:
        return value
    raise EventDataInvalid(f"{event}: {name} is not a {kind.__name__}.")


def _aware(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("a time without its zone")
    return moment
