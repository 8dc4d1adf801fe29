"""The pages of operators: what waits, why, since when, and what to do about it."""

from outbox.admin.events import DeliveredEvents, ParkedMessages, WaitingEvents
from outbox.admin.holds import Holds, Lanes, TopicPauses
from outbox.admin.letters import DeadLetters
from outbox.admin.replays import Replays

__all__ = (
    "DeadLetters",
    "DeliveredEvents",
    "Holds",
    "Lanes",
    "ParkedMessages",
    "Replays",
    "TopicPauses",
    "WaitingEvents",
)
