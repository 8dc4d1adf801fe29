"""What the operators' endpoints refuse."""

from http import HTTPStatus
from typing import ClassVar

from opencore.errors import DomainError


class PlanTokenInvalid(DomainError):
    """This is no plan token that was given to you."""

    code: ClassVar[str] = "plan_token_invalid"


class PlanGoneByNow(DomainError):
    """The plan is too old, or was carried out already; ask for a new one."""

    code: ClassVar[str] = "plan_gone"
    status: ClassVar[HTTPStatus] = HTTPStatus.CONFLICT


class ReplayEnded(DomainError):
    """The replay has ended; nothing of it can be canceled."""

    code: ClassVar[str] = "replay_ended"
    status: ClassVar[HTTPStatus] = HTTPStatus.CONFLICT


class ActionNotPossible(DomainError):
    """The key or the topic is not in a state in which this can be done."""

    code: ClassVar[str] = "action_refused"
    status: ClassVar[HTTPStatus] = HTTPStatus.CONFLICT
