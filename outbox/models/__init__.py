"""The engine's tables: what waits, what is held, what is dead, what was delivered."""

from outbox.models.counting import Counter
from outbox.models.deciding import (
    DeadLetter,
    DeadLetterQuerySet,
    OperatorAction,
    Replay,
    ReplayItem,
    ReplayQuerySet,
)
from outbox.models.receiving import InboxEntry, ParkedMessage
from outbox.models.relaying import (
    ArchivedEvent,
    Attempt,
    Fence,
    Hold,
    Lane,
    OutboxEvent,
    TopicPause,
)

__all__ = (
    "ArchivedEvent",
    "Attempt",
    "Counter",
    "DeadLetter",
    "DeadLetterQuerySet",
    "Fence",
    "Hold",
    "InboxEntry",
    "Lane",
    "OperatorAction",
    "OutboxEvent",
    "ParkedMessage",
    "Replay",
    "ReplayItem",
    "ReplayQuerySet",
    "TopicPause",
)
