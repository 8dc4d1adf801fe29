"""Decides dead letters: sends them on again in their order, or gives them up.

The command and the admin are two faces of this one service.
"""

from outbox.replay.operations import (
    OperationBusy,
    OperationUnknown,
    Progress,
    ReasonMissing,
    replay,
    resume,
)
from outbox.replay.planning import Plan, plan
from outbox.replay.selection import LettersUnknown, ReplayRefused, Selection

__all__ = (
    "LettersUnknown",
    "OperationBusy",
    "OperationUnknown",
    "Plan",
    "Progress",
    "ReasonMissing",
    "ReplayRefused",
    "Selection",
    "plan",
    "replay",
    "resume",
)
