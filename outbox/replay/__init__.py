"""Decides dead letters: sends them on again in their order, or gives them up.

The command, the admin and REST are three faces of this one service.
"""

from outbox.replay.executing import OperationBusy, OperationCanceled, Progress
from outbox.replay.operations import (
    OperationEnded,
    OperationUnknown,
    PlanGone,
    ReasonMissing,
    begin,
    cancel,
    prepare,
    replay,
    resume,
)
from outbox.replay.planning import Plan, plan, plan_of
from outbox.replay.selection import LettersUnknown, ReplayRefused, Selection

__all__ = (
    "LettersUnknown",
    "OperationBusy",
    "OperationCanceled",
    "OperationEnded",
    "OperationUnknown",
    "Plan",
    "PlanGone",
    "Progress",
    "ReasonMissing",
    "ReplayRefused",
    "Selection",
    "begin",
    "cancel",
    "plan",
    "plan_of",
    "prepare",
    "replay",
    "resume",
)
