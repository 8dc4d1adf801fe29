"""Seals a change that was previewed into a token that only its operator can use."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.core import signing

from gateway_proxy.core.documents import Document
from gateway_proxy.errors import ChangeTokenExpired, ChangeTokenInvalid

SALT = "opencore.gateway.plan"
LIVES_FOR = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Wish:
    """A change, or the version to bring back, after the version it was looked at."""

    based_on: int
    change: Document | None = None
    restores: int | None = None


def seal(wish: Wish, *, actor: str) -> str:
    """Return the token of a wish; it says who may have it fulfilled."""
    said = [actor, wish.based_on, wish.change, wish.restores]
    return signing.dumps(said, salt=SALT, compress=True)


def unseal(token: str, *, actor: str) -> Wish:
    """Return the wish. Raises ChangeTokenInvalid or ChangeTokenExpired."""
    try:
        said: Any = signing.loads(token, salt=SALT, max_age=LIVES_FOR)
    except signing.SignatureExpired as error:
        raise ChangeTokenExpired from error
    except signing.BadSignature as error:
        raise ChangeTokenInvalid from error
    owner, based_on, change, restores = said
    if owner != actor:
        raise ChangeTokenInvalid
    return Wish(based_on, change, restores)
