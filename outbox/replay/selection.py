"""Which dead letters an operator means, and in what order they are taken."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import F, Q

from outbox.models import DeadLetter, DeadLetterQuerySet
from outbox.replay.causes import cause

# Within a key by its place in the line; what could not be read has only its offset.
ORDER = (
    "topic",
    "key",
    "scope",
    F("position").asc(nulls_last=True),
    "partition",
    "offset",
    "id",
)


class ReplayRefused(ValueError):
    """The operation can't begin, and nothing was done."""


class LettersUnknown(ReplayRefused):
    """Some of the ids belong to no dead letter."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Selection:
    """A set of dead letters, named by their properties or one by one.

    An id is a letter's or an event's. Those named one by one may be resolved already:
    that is for the operation to refuse, with the reason.
    """

    ids: tuple[UUID, ...] = ()
    scope: str | None = None
    type: str | None = None
    topic: str | None = None
    key: str | None = None
    reason_class: str | None = None
    cause: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def letters(self, *, limit: int | None = None) -> DeadLetterQuerySet:
        """Return the letters in the order in which they must go.

        Raises LettersUnknown if an id is nobody's.
        """
        letters = self.matches().order_by(*ORDER)
        if self.ids:
            self._insist_on_ids()
        else:
            letters = letters.waiting()
        if limit is None:
            return letters
        chosen = DeadLetter.objects.filter(id__in=letters.values("id")[:limit])
        return chosen.order_by(*ORDER)

    def matches(self) -> DeadLetterQuerySet:
        """Return the letters with these properties, in whatever state they are."""
        letters = DeadLetter.objects.filter(self._condition())
        if self.cause:
            letters = letters.alias(died_of=cause()).filter(died_of=self.cause)
        return letters

    def to_json(self) -> dict[str, Any]:
        """Return what was asked for, for the audit; absent filters are left out."""
        asked = {
            "ids": [str(name) for name in self.ids],
            "scope": self.scope,
            "type": self.type,
            "topic": self.topic,
            "key": self.key,
            "reason_class": self.reason_class,
            "cause": self.cause,
            "since": self.since.isoformat() if self.since else None,
            "until": self.until.isoformat() if self.until else None,
        }
        return {name: value for name, value in asked.items() if value}

    def _condition(self) -> Q:
        asked = {
            "scope": self.scope,
            "type": self.type,
            "topic": self.topic,
            "key": self.key,
            "reason": self.reason_class,
            "failed_at__gte": self.since,
            "failed_at__lt": self.until,
        }
        condition = Q(**{name: value for name, value in asked.items() if value})
        if self.ids:
            condition &= Q(id__in=self.ids) | Q(event_id__in=self.ids)
        return condition

    def _insist_on_ids(self) -> None:
        named = DeadLetter.objects.filter(Q(id__in=self.ids) | Q(event_id__in=self.ids))
        known = {name for pair in named.values_list("id", "event_id") for name in pair}
        unknown = sorted(str(name) for name in set(self.ids) - known)
        if unknown:
            raise LettersUnknown(f"No dead letter has the id {', '.join(unknown)}.")
