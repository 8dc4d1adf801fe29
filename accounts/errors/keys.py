"""What is refused to who makes service accounts and API keys."""

from http import HTTPStatus
from typing import ClassVar

from opencore.errors import DomainError


class ScopesExceedRole(DomainError):
    """A key can't be given what your own role in the organization does not allow."""

    code: ClassVar[str] = "scopes_exceed_role"
    status: ClassVar[HTTPStatus] = HTTPStatus.FORBIDDEN


class ApiKeyEnded(DomainError):
    """This key was revoked, or its time is over; make another one."""

    code: ClassVar[str] = "api_key_ended"
    status: ClassVar[HTTPStatus] = HTTPStatus.CONFLICT


class RotatedAlready(DomainError):
    """This key was rotated already; rotate or revoke the one that came of it."""

    code: ClassVar[str] = "api_key_rotated"
    status: ClassVar[HTTPStatus] = HTTPStatus.CONFLICT


class ServiceAccountDisabled(DomainError):
    """This service account is disabled; nothing can be done with it any more."""

    code: ClassVar[str] = "service_account_disabled"
    status: ClassVar[HTTPStatus] = HTTPStatus.CONFLICT


class ServiceAccountNameTaken(DomainError):
    """Another service account of the organization is called so."""

    code: ClassVar[str] = "service_account_name_taken"
    status: ClassVar[HTTPStatus] = HTTPStatus.CONFLICT
