"""What the outbox holds about a person: copies of what events said.

Events that wait are left: what an event says never changes, and it must arrive. They
go to the archive, of which whole days are dropped after OUTBOX_ARCHIVE_DAYS, and to
Kafka, whose topics forget by their retention. Copies that wait for an operator, dead
letters and what is parked behind them, have no such end; their personal fields are
emptied.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Protocol

from opencore.events import CATALOGUE
from opencore.privacy import Person, labels
from outbox.models import DeadLetter, ParkedMessage

PERSONAL = {event.type: event.personal for event in CATALOGUE.values()}


class Copy(Protocol):
    """A row that holds what an event said."""

    type: str
    payload: Any

    def save(self, *, update_fields: Iterable[str]) -> None:
        """Store it."""
        ...


class OutboxData:
    """Copies of events; what they say is exported by the apps that it is about."""

    erased = labels(DeadLetter, ParkedMessage)

    def erase(self, person: Person, *, now: datetime) -> Mapping[str, int]:  # noqa: ARG002 -- the signature is the protocol's
        """Empty the personal fields of copies that wait for an operator."""
        types = [name for name, fields in PERSONAL.items() if fields]
        letters = DeadLetter.objects.filter(type__in=types).select_for_update()
        parked = ParkedMessage.objects.filter(type__in=types).select_for_update()
        return {
            "dead_letters": _empty(letters.iterator(), person),
            "parked_messages": _empty(parked.iterator(), person),
        }


def _empty(copies: Iterable[Copy], person: Person) -> int:
    emptied = 0
    for copy in copies:
        payload = _without_personal(copy, person)
        if payload is not None:
            copy.payload = payload
            copy.save(update_fields=["payload"])
            emptied += 1
    return emptied


def _without_personal(copy: Copy, person: Person) -> bytes | None:
    """Return the payload without what is personal, or None if it is of another."""
    try:
        envelope = json.loads(bytes(copy.payload))
        data = envelope["data"]
        said = {str(value).lower() for value in data.values()}
    except (ValueError, LookupError, TypeError, AttributeError):
        return None
    if not said & {str(person.user_id), *person.addresses}:
        return None
    data.update(dict.fromkeys(PERSONAL[copy.type], ""))
    return json.dumps(envelope, separators=(",", ":"), ensure_ascii=False).encode()
