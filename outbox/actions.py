"""Records what operators decide, before it is done and in the same transaction."""

import logging
from uuid import UUID

from opencore.context import current_request_id
from outbox.models import OperatorAction

log = logging.getLogger(__name__)


class ActionRefused(ValueError):
    """Nothing was changed, for the reason given."""


def record_action(
    action: OperatorAction.Action,
    *,
    actor: str,
    reason: str,
    topic: str,
    scope: str = "",
    key: str = "",
    event_id: UUID | None = None,
) -> None:
    """Note who decided what and why; raise ActionRefused without an actor or a reason.

    What follows in the transaction is what was decided: one is there if the other is.
    """
    if not actor.strip() or not reason.strip():
        raise ActionRefused("Say who decides this and why: an actor and a reason.")
    OperatorAction.objects.create(
        action=action,
        actor=actor.strip(),
        reason=reason.strip(),
        topic=topic,
        scope=scope,
        key=key,
        event_id=event_id,
        request_id=current_request_id(),
    )
    log.warning(
        "operator acted",
        extra={
            "action": action.value,
            "actor": actor,
            "reason": reason,
            "scope": scope,
            "topic": topic,
            "key": key,
        },
    )
