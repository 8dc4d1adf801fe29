"""How the text of an API key looks: found by all who scan for secrets, guessed by none.

`ock_<prefix>_<secret>`: the prefix may be shown and finds the key's row; the secret ends
with a checksum, so that a misspelled key is refused without asking anybody.
"""

import re
import secrets
import string
import zlib
from dataclasses import dataclass
from http import HTTPStatus
from typing import ClassVar

from opencore.errors import DomainError

MARK = "ock_"
_ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
_PREFIX, _SECRET, _CHECKSUM = 12, 43, 6
_FORM = re.compile(
    rf"{MARK}([0-9A-Za-z]{{{_PREFIX}}})_[0-9A-Za-z]{{{_SECRET + _CHECKSUM}}}"
)


class ApiKeyInvalid(DomainError):
    """The API key is none of ours, or no longer, or not good from where you are."""

    code: ClassVar[str] = "api_key_invalid"
    status: ClassVar[HTTPStatus] = HTTPStatus.UNAUTHORIZED

    def __init__(self) -> None:
        super().__init__(headers={"WWW-Authenticate": 'Bearer error="invalid_token"'})


@dataclass(frozen=True, slots=True)
class KeyText:
    """The whole text of a key, which is shown once, and the part that finds it."""

    prefix: str
    text: str

    def __repr__(self) -> str:
        # It must not stand in a traceback or a log.
        return f"KeyText({self.prefix!r})"


def new_key_text() -> KeyText:
    """Return the text of a key that nobody has: 256 bits that are secret."""
    prefix = _random(_PREFIX)
    body = f"{MARK}{prefix}_{_random(_SECRET)}"
    return KeyText(prefix, body + _checksum(body))


def is_key(credentials: str) -> bool:
    """Tell whether what follows Bearer is meant to be an API key."""
    return credentials.startswith(MARK)


def read_key(credentials: str) -> KeyText | None:
    """Return what is meant to be a key, unless it can be none."""
    match = _FORM.fullmatch(credentials)
    if match is None or _checksum(credentials[:-_CHECKSUM]) != credentials[-_CHECKSUM:]:
        return None
    return KeyText(match[1], credentials)


def _random(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def _checksum(body: str) -> str:
    rest, digits = zlib.crc32(body.encode()), ""
    for _ in range(_CHECKSUM):
        rest, digit = divmod(rest, len(_ALPHABET))
        digits = _ALPHABET[digit] + digits
    return digits
