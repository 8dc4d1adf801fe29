"""The two refusals of a token; whatever is wrong with one, it is one of these."""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import ClassVar

from django.core.exceptions import ImproperlyConfigured

from opencore.errors import DomainError

_CHALLENGE = {"WWW-Authenticate": 'Bearer error="invalid_token"'}


class TokenInvalid(DomainError):
    """The token is not one of ours, or no longer; sign in again."""

    code: ClassVar[str] = "token_invalid"
    status: ClassVar[HTTPStatus] = HTTPStatus.UNAUTHORIZED

    def __init__(self) -> None:
        super().__init__(headers=_CHALLENGE)


class TokenExpired(DomainError):
    """The token's time is over; refresh it, or sign in again."""

    code: ClassVar[str] = "token_expired"
    status: ClassVar[HTTPStatus] = HTTPStatus.UNAUTHORIZED

    def __init__(self) -> None:
        super().__init__(headers=_CHALLENGE)


@contextmanager
def refusing() -> Iterator[None]:
    """Turn whatever goes wrong with a token into a refusal; bad settings stay as such."""
    try:
        yield
    except (TokenInvalid, TokenExpired, ImproperlyConfigured):
        raise
    except Exception as error:
        raise TokenInvalid from error
