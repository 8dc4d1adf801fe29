"""By what dead letters are found: their state, when they died, and of what."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from outbox.models import DeadLetter
from outbox.replay.causes import cause

Rows = QuerySet[Any]

AGES = {
    "hour": ("Within an hour", timedelta(hours=1)),
    "day": ("Within a day", timedelta(days=1)),
    "week": ("Within a week", timedelta(weeks=1)),
}


class StateFilter(admin.SimpleListFilter):
    """By state; those that wait for a decision unless asked otherwise."""

    title = "state"
    parameter_name = "state"

    def lookups(
        self,
        request: HttpRequest,  # noqa: ARG002 -- the signature is Django's
        model_admin: Any,  # noqa: ANN401, ARG002 -- the signature is Django's
    ) -> list[tuple[str, str]]:
        """Return the choices besides the first."""
        return [
            (DeadLetter.State.REPLAYED, "Replayed"),
            (DeadLetter.State.DISCARDED, "Discarded"),
            ("all", "All"),
        ]

    def choices(self, changelist: Any) -> Iterator[Any]:  # noqa: ANN401 -- the signature is Django's
        """Name the choice of those who choose nothing."""
        default, *others = super().choices(changelist)
        yield {**default, "display": "Waiting"}
        yield from others

    def queryset(
        self,
        request: HttpRequest,  # noqa: ARG002 -- the signature is Django's
        queryset: Rows,
    ) -> Rows:
        """Keep the letters of the state."""
        if self.value() is None:
            return queryset.filter(state=DeadLetter.State.WAITING)
        if self.value() == "all":
            return queryset
        return queryset.filter(state=self.value())


class DiedFilter(admin.SimpleListFilter):
    """By the time of death."""

    title = "died"
    parameter_name = "died"

    def lookups(
        self,
        request: HttpRequest,  # noqa: ARG002 -- the signature is Django's
        model_admin: Any,  # noqa: ANN401, ARG002 -- the signature is Django's
    ) -> list[tuple[str, str]]:
        """Return the ages, and what is older than all of them."""
        return [(name, said) for name, (said, _) in AGES.items()] + [
            ("older", "Longer ago")
        ]

    def queryset(
        self,
        request: HttpRequest,  # noqa: ARG002 -- the signature is Django's
        queryset: Rows,
    ) -> Rows:
        """Keep the letters of the age."""
        now, asked = timezone.now(), self.value()
        if asked == "older":
            return queryset.filter(failed_at__lt=now - AGES["week"][1])
        if asked in AGES:
            return queryset.filter(failed_at__gte=now - AGES[asked][1])
        return queryset


class CauseFilter(admin.SimpleListFilter):
    """By one cause, to which the page of groups leads."""

    title = "cause"
    parameter_name = "cause"

    def lookups(
        self,
        request: HttpRequest,
        model_admin: Any,  # noqa: ANN401, ARG002 -- the signature is Django's
    ) -> list[tuple[str, str]]:
        """Return the cause that was chosen; to find all of them is another page's."""
        chosen = request.GET.get(self.parameter_name, "")
        return [(chosen, chosen)] if chosen else []

    def queryset(
        self,
        request: HttpRequest,  # noqa: ARG002 -- the signature is Django's
        queryset: Rows,
    ) -> Rows:
        """Keep the letters that died of it."""
        if not self.value():
            return queryset
        died_of: Rows = queryset.alias(died_of=cause()).filter(died_of=self.value())
        return died_of
