"""What is refused to who asks for their data or its erasure."""

from http import HTTPStatus
from typing import ClassVar

from opencore.errors import DomainError


class DataRequestOpen(DomainError):
    """A request of this kind is being worked on; wait for it, or cancel it."""

    code: ClassVar[str] = "data_request_open"
    status: ClassVar[HTTPStatus] = HTTPStatus.CONFLICT


class DataRequestClosed(DomainError):
    """This request is done, or was cancelled, or is too far to be cancelled."""

    code: ClassVar[str] = "data_request_closed"
    status: ClassVar[HTTPStatus] = HTTPStatus.CONFLICT


class DataNotReady(DomainError):
    """There is no file yet; ask for the request until its status is `done`."""

    code: ClassVar[str] = "data_not_ready"
    status: ClassVar[HTTPStatus] = HTTPStatus.CONFLICT
