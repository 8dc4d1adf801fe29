"""What is refused to who signs in."""

from http import HTTPStatus
from typing import ClassVar

from opencore.errors import DomainError, Retryable


class CodeInvalid(DomainError):
    """This is not the code that was sent last, or it was used already."""

    code: ClassVar[str] = "code_invalid"


class CodeExpired(DomainError):
    """The code is too old; ask for a new one."""

    code: ClassVar[str] = "code_expired"


class TooManyAttempts(DomainError):
    """Too many wrong codes were tried; ask for a new one."""

    code: ClassVar[str] = "too_many_attempts"
    status: ClassVar[HTTPStatus] = HTTPStatus.TOO_MANY_REQUESTS


class SignInLocked(DomainError):
    """Too many wrong codes were tried for this address; it is locked for a while."""

    code: ClassVar[str] = "sign_in_locked"
    status: ClassVar[HTTPStatus] = HTTPStatus.TOO_MANY_REQUESTS
    retryable: ClassVar[Retryable] = "yes"


class AccountDeactivated(DomainError):
    """This account was deactivated; ask the operators."""

    code: ClassVar[str] = "account_deactivated"
    status: ClassVar[HTTPStatus] = HTTPStatus.FORBIDDEN


class EmailTaken(DomainError):
    """Another account has this address; sign in with it, or choose another one."""

    code: ClassVar[str] = "email_taken"
    status: ClassVar[HTTPStatus] = HTTPStatus.CONFLICT


class SessionEnded(DomainError):
    """The session was ended; sign in again."""

    code: ClassVar[str] = "session_revoked"
    status: ClassVar[HTTPStatus] = HTTPStatus.UNAUTHORIZED

    def __init__(self) -> None:
        super().__init__(headers={"WWW-Authenticate": 'Bearer error="invalid_token"'})


class RefreshReused(DomainError):
    """The refresh token was used before, so its session was ended; sign in again."""

    code: ClassVar[str] = "refresh_reused"
    status: ClassVar[HTTPStatus] = HTTPStatus.UNAUTHORIZED

    def __init__(self) -> None:
        super().__init__(headers={"WWW-Authenticate": 'Bearer error="invalid_token"'})
