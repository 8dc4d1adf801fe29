"""What is refused about changes of the route table."""

from http import HTTPStatus
from typing import ClassVar

from opencore.errors import DomainError


class ReasonMissing(DomainError):
    """Say who decides this and why: an actor and a reason."""

    code: ClassVar[str] = "reason_missing"


class VersionUnknown(DomainError):
    """There is no such version of the route table."""

    code: ClassVar[str] = "not_found"
    status: ClassVar[HTTPStatus] = HTTPStatus.NOT_FOUND


class NothingToChange(DomainError):
    """The route table is so already."""

    code: ClassVar[str] = "nothing_to_change"
    status: ClassVar[HTTPStatus] = HTTPStatus.CONFLICT


class TableMoved(DomainError):
    """Another version was published meanwhile; look at it, and decide anew."""

    code: ClassVar[str] = "table_moved"
    status: ClassVar[HTTPStatus] = HTTPStatus.CONFLICT


class ChangeTokenInvalid(DomainError):
    """This is no plan token that was given to you."""

    code: ClassVar[str] = "plan_token_invalid"


class ChangeTokenExpired(DomainError):
    """The plan is too old; ask for a new one."""

    code: ClassVar[str] = "plan_gone"
    status: ClassVar[HTTPStatus] = HTTPStatus.CONFLICT
