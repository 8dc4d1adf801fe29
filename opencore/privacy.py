"""What each app knows about a person: how it is given to them, how it is forgotten.

Apps register what they hold when they are loaded; accounts asks them all when a person
wants a copy or an erasure, and no app knows another.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import Model, QuerySet

AT_ONCE = 500

Row = Mapping[str, Any]
Part = tuple[str, Iterable[Row]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """Whom it is about: their id, and the addresses known to be theirs, lowered."""

    user_id: UUID
    addresses: frozenset[str]


class Exporter(Protocol):
    """Gives a person what an app holds about them."""

    @property
    def exported(self) -> frozenset[str]:
        """The models that are read, as `app.Model`."""
        ...

    def export(self, person: Person) -> Iterator[Part]:
        """Yield names and their rows, which are read while they are written."""
        ...


class Eraser(Protocol):
    """Forgets what an app holds about a person."""

    @property
    def erased(self) -> frozenset[str]:
        """The models in which nothing personal is left, as `app.Model`."""
        ...

    def erase(self, person: Person, *, now: datetime) -> Mapping[str, int]:
        """Forget, in the caller's transaction; return of what how much there was."""
        ...


@dataclass(frozen=True, slots=True)
class Registered:
    """What one app brought."""

    exporter: Exporter | None
    eraser: Eraser


_registered: dict[str, Registered] = {}
# Who knows the person's address longest comes last.
LAST = "accounts"


def register(app: str, *, exporter: Exporter | None, eraser: Eraser) -> None:
    """Let an app be asked about people; one that exports nothing says so by None."""
    _registered[app] = Registered(exporter, eraser)


def registered() -> dict[str, Registered]:
    """Return all apps that hold something about people, in the order of an erasure."""
    names = sorted(_registered, key=lambda name: (name == LAST, name))
    return {name: _registered[name] for name in names}


def export(person: Person) -> Iterator[Part]:
    """Yield what all apps hold about a person, as `app/name` and rows."""
    for app, parts in registered().items():
        if parts.exporter is not None:
            for name, rows in parts.exporter.export(person):
                yield f"{app}/{name}", rows


def erase(person: Person, *, now: datetime) -> dict[str, dict[str, int]]:
    """Let all apps forget a person, in the caller's transaction; return what, by app."""
    return {
        app: dict(parts.eraser.erase(person, now=now))
        for app, parts in registered().items()
    }


def rows_of(queryset: QuerySet[Any], *names: str, **renamed: str) -> Iterator[Row]:
    """Yield fields of rows, a few hundred at a time; a field may get another name."""
    fields = {**{name: name for name in names}, **renamed}
    for values in queryset.values_list(*fields.values()).iterator(chunk_size=AT_ONCE):
        yield dict(zip(fields, values, strict=True))


def to_line(row: Row) -> bytes:
    """Return a row as a line of NDJSON."""
    said = json.dumps(
        row, cls=DjangoJSONEncoder, ensure_ascii=False, separators=(",", ":")
    )
    return said.encode() + b"\n"


def labels(*models: type[Model]) -> frozenset[str]:
    """Return models by the names that exporters and erasers declare."""
    return frozenset(model._meta.label for model in models)
