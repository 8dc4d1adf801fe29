"""What is refused of second factors, and to who has none."""

from http import HTTPStatus
from typing import ClassVar

from opencore.errors import DomainError


class MfaRequired(DomainError):
    """This asks for your second factor: add an authenticator, or step up with it."""

    code: ClassVar[str] = "mfa_required"
    status: ClassVar[HTTPStatus] = HTTPStatus.FORBIDDEN


class AuthenticatorExists(DomainError):
    """You have an authenticator; remove it before you add another."""

    code: ClassVar[str] = "authenticator_exists"
    status: ClassVar[HTTPStatus] = HTTPStatus.CONFLICT


class AuthenticatorNeeded(DomainError):
    """Recovery codes stand in for an authenticator; add one first."""

    code: ClassVar[str] = "authenticator_needed"
    status: ClassVar[HTTPStatus] = HTTPStatus.CONFLICT
