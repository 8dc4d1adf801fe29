"""Lets an app hear of events, past the inbox that would stop a second time."""

from uuid import UUID, uuid4

from opencore.events import Event
from outbox.consuming import Heard, Place, handlings_of

SOMEWHERE = Place("opencore.test.v1", 0, 0)


def hear(
    consumer: str,
    *events: Event,
    event_id: UUID | None = None,
    place: Place = SOMEWHERE,
) -> None:
    """Let the app handle the events, which are of one type, all at once."""
    heard = [Heard(event, event_id or uuid4(), place) for event in events]
    handlings_of(consumer)[events[0].type].handle(heard)
