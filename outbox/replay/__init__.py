"""Decides dead letters, sent on again or given up, and publishes the archive again.

The command, the admin and REST are three faces of this one service.
"""

from outbox.replay.archive import (
    ArchivePlan,
    ArchiveSelection,
    EventsUnknown,
    TimeMissing,
    plan_archive,
    republish,
)
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
    "ArchivePlan",
    "ArchiveSelection",
    "EventsUnknown",
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
    "TimeMissing",
    "begin",
    "cancel",
    "plan",
    "plan_archive",
    "plan_of",
    "prepare",
    "replay",
    "republish",
    "resume",
)
