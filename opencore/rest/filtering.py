"""What a list can be asked for: declared filters, declared orders, and nothing else."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, TypeVar
from uuid import UUID

from django.db.models import Model, QuerySet
from django.utils.datastructures import MultiValueDict
from django.utils.dateparse import parse_datetime
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from opencore.errors import FieldProblem, ValidationFailed
from opencore.problems.pointers import pointer_to
from opencore.rest.pagination import DEFAULT_LIMIT, LARGEST_LIMIT, CursorPage, page

M = TypeVar("M", bound=Model)
Lookup = Literal["eq", "in", "gte", "lt"]
MOST_VALUES = 50
LONGEST_VALUE = 200


@dataclass(frozen=True, slots=True)
class Kind:
    """What the values of a parameter are; `read` raises ValueError at all others."""

    described: Mapping[str, Any]
    read: Callable[[str], object]
    hint: str


def _text(text: str) -> str:
    # PostgreSQL has no zero in texts.
    if not 0 < len(text) <= LONGEST_VALUE or "\x00" in text:
        raise ValueError
    return text


def _time(text: str) -> datetime:
    time = parse_datetime(text)
    if time is None or time.tzinfo is None:
        raise ValueError
    try:
        # PostgreSQL knows no zone that is sixteen hours away or more.
        return time.astimezone(UTC)
    except OverflowError as error:
        raise ValueError from error


def _flag(text: str) -> bool:
    return {"true": True, "false": False}[text]


TEXT = Kind(
    {
        "type": "string",
        "minLength": 1,
        "maxLength": LONGEST_VALUE,
        "pattern": r"^[^\u0000]*$",
    },
    _text,
    f"Use 1 to {LONGEST_VALUE} characters.",
)
IDENTITY = Kind({"type": "string", "format": "uuid"}, UUID, "Use a UUID.")
TIME = Kind(
    {"type": "string", "format": "date-time"},
    _time,
    "Use a time of RFC 3339 with its zone.",
)
FLAG = Kind({"type": "boolean"}, _flag, "Use true or false.")


@dataclass(frozen=True, kw_only=True, slots=True)
class Filter:
    """A parameter that narrows a list: `status=a,b` or `created_at[gte]=...`."""

    name: str
    kind: Kind = TEXT
    lookups: tuple[Lookup, ...] = ("eq",)
    # The values that there are, if they can be told.
    one_of: tuple[str, ...] = ()
    # What it looks at, where clients call it something else.
    column: str = ""
    description: str = ""

    def spelled(self, lookup: Lookup) -> str:
        """Return the parameter's name for a way of looking."""
        return self.name if lookup in {"eq", "in"} else f"{self.name}[{lookup}]"

    def read(self, text: str, lookup: Lookup) -> object:
        """Return what the parameter says; raises ValueError with what is wrong."""
        if lookup != "in":
            return self._read_one(text)
        values = text.split(",")
        if len(values) > MOST_VALUES:
            raise ValueError(f"Name at most {MOST_VALUES} values.")
        return [self._read_one(value) for value in values]

    def _read_one(self, text: str) -> object:
        if self.one_of and text not in self.one_of:
            raise ValueError(f"Use one of: {', '.join(self.one_of)}.")
        try:
            return self.kind.read(text)
        except (ValueError, KeyError) as error:
            raise ValueError(self.kind.hint) from error

    def described(self, lookup: Lookup) -> dict[str, Any]:
        """Describe it where it is no parameter but a text."""
        if not self.one_of:
            return {**self.kind.described}
        if lookup != "in":
            return {"type": "string", "enum": sorted(self.one_of)}
        names = ", ".join(sorted(self.one_of))
        return {
            "type": "string",
            "minLength": 1,
            "description": f"Some of these, with commas between them: {names}.",
        }

    def parameter(self, lookup: Lookup) -> OpenApiParameter:
        """Describe the parameter."""
        many = lookup == "in"
        one = {"type": "string"} if self.one_of else {**self.kind.described}
        if many and "pattern" in one:
            # Commas stand between values.
            one["pattern"] = r"^[^\u0000,]*$"
        each = {"type": "array", "items": one, "minItems": 1, "maxItems": MOST_VALUES}
        return OpenApiParameter(
            self.spelled(lookup),
            each if many else one,
            description=self.description,
            enum=self.one_of or None,
            style="form" if many else None,
            explode=False if many else None,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Sort:
    """An order of a list, and the index of the table that carries it both ways."""

    name: str
    key: tuple[str, ...]
    index: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Listing:
    """What a list can be asked for; its first order, descending, is its own."""

    model: type[Model]
    sorts: tuple[Sort, ...]
    filters: tuple[Filter, ...] = ()
    # Read here, but given to the view instead of the database.
    given: tuple[Filter, ...] = ()

    def parameters(self) -> list[OpenApiParameter]:
        """Describe all parameters of the list."""
        each = [
            named.parameter(lookup)
            for named in (*self.given, *self.filters)
            for lookup in named.lookups
        ]
        return [*each, self._sort_parameter(), *_PAGE_PARAMETERS]

    def read(self, request: Request) -> "Asked":
        """Return what is asked for; raises ValidationFailed for all else."""
        reading = _Reading(request.query_params)
        given = reading.values_of(self.given)
        conditions = reading.conditions_of(self.filters)
        sort, ascending = self._sort(reading)
        reading.refuse_others(each.name for each in self.parameters())
        reading.finish()
        return Asked(
            request=request,
            given=given,
            conditions=conditions,
            key=sort.key,
            ascending=ascending,
        )

    def described(self) -> dict[str, Any]:
        """Describe its filters as the members of an object, for `conditions`."""
        return {
            "type": "object",
            "properties": {
                named.spelled(lookup): named.described(lookup)
                for named in self.filters
                for lookup in named.lookups
            },
            "additionalProperties": False,
        }

    def conditions(
        self, texts: Mapping[str, str], *, within: tuple[str, ...] = ()
    ) -> Mapping[str, object]:
        """Return what filters mean that were given elsewhere than in a query.

        Raises ValidationFailed, which points to them where they are.
        """
        query = MultiValueDict({name: [text] for name, text in texts.items()})
        reading = _Reading(query, within=within)
        conditions = reading.conditions_of(self.filters)
        reading.refuse_others(
            named.spelled(lookup) for named in self.filters for lookup in named.lookups
        )
        reading.finish()
        return conditions

    def _sort(self, reading: "_Reading") -> tuple[Sort, bool]:
        orders = {
            f"{'' if ascending else '-'}{sort.name}": (sort, ascending)
            for sort in self.sorts
            for ascending in (False, True)
        }
        named = reading.text("sort")
        text = next(iter(orders)) if named is None else named
        if text not in orders:
            reading.refuse("sort", "unknown", f"Use one of: {', '.join(orders)}.")
        return orders.get(text, (self.sorts[0], False))

    def _sort_parameter(self) -> OpenApiParameter:
        names = [sort.name for sort in self.sorts]
        return OpenApiParameter(
            "sort",
            str,
            enum=[sign + name for name in names for sign in ("-", "")],
            default=f"-{names[0]}",
            description="The order; with a hyphen the greatest come first.",
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What a client asked of a list, read and found to be possible."""

    request: Request
    given: Mapping[str, Any]
    conditions: Mapping[str, object]
    key: tuple[str, ...]
    ascending: bool

    def page(self, rows: QuerySet[M]) -> CursorPage[M]:
        """Return the page of the rows that was asked for."""
        return page(
            rows.filter(**self.conditions),
            self.request,
            key=self.key,
            ascending=self.ascending,
        )


@dataclass(slots=True)
class _Reading:
    query: MultiValueDict[str, str]
    within: tuple[str, ...] = ()
    errors: list[FieldProblem] = field(default_factory=list)

    def text(self, name: str) -> str | None:
        texts = self.query.getlist(name)
        if len(texts) > 1:
            self.refuse(name, "duplicate", "Named twice.")
        return texts[-1] if texts else None

    def values_of(self, filters: tuple[Filter, ...]) -> dict[str, object]:
        return {
            each.name: value
            for each in filters
            for lookup in each.lookups
            if (value := self._value(each, lookup)) is not None
        }

    def conditions_of(self, filters: tuple[Filter, ...]) -> dict[str, object]:
        return {
            f"{each.column or each.name}__{_DJANGOS.get(lookup, lookup)}": value
            for each in filters
            for lookup in each.lookups
            if (value := self._value(each, lookup)) is not None
        }

    def refuse_others(self, known: Iterable[str]) -> None:
        names = set(known)
        for name in self.query:
            if name not in names:
                self.refuse(name, "unknown", "There is no such parameter.")

    def refuse(self, name: str, code: str, detail: str) -> None:
        self.errors.append(FieldProblem(pointer_to(*self.within, name), code, detail))

    def finish(self) -> None:
        for name in ("limit", "cursor"):
            self.text(name)
        if self.errors:
            raise ValidationFailed(errors=tuple(self.errors))

    def _value(self, named: Filter, lookup: Lookup) -> object:
        name = named.spelled(lookup)
        text = self.text(name)
        if text is None:
            return None
        try:
            return named.read(text, lookup)
        except ValueError as error:
            self.refuse(name, "invalid", str(error))
            return None


_DJANGOS: dict[str, str] = {"eq": "exact"}
_PAGE_PARAMETERS = (
    OpenApiParameter(
        "limit",
        {
            "type": "integer",
            "minimum": 1,
            "maximum": LARGEST_LIMIT,
            "default": DEFAULT_LIMIT,
        },
        description="How many at most.",
    ),
    OpenApiParameter(
        "cursor", str, description="The `next_cursor` of the page before."
    ),
)
