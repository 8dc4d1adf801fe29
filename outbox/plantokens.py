"""Seals a plan into a token that only its operator can use."""

from typing import Any
from uuid import UUID

from django.core import signing

from outbox.errors import PlanGoneByNow, PlanTokenInvalid
from outbox.models import Replay
from outbox.replay.operations import PLANS_LIVE_FOR

SALT = "opencore.outbox.plan"


def seal(operation: Replay) -> str:
    """Return the token of a prepared operation; it names the plan and who made it."""
    return signing.dumps([str(operation.id), operation.actor], salt=SALT)


def unseal(token: str, *, actor: str) -> UUID:
    """Return which plan is meant. Raises PlanTokenInvalid or PlanGoneByNow."""
    try:
        named: Any = signing.loads(token, salt=SALT, max_age=PLANS_LIVE_FOR)
    except signing.SignatureExpired as error:
        raise PlanGoneByNow from error
    except signing.BadSignature as error:
        raise PlanTokenInvalid from error
    operation_id, owner = named
    if owner != actor:
        raise PlanTokenInvalid
    return UUID(operation_id)
