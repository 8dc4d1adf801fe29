"""Seals short secrets, so that only OpenCore reads them where others may look."""

from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured


class SealBroken(ValueError):
    """The text was not sealed with one of our keys, or was changed since."""


def seal(text: str) -> str:
    """Return the text as only a holder of the keys can read it."""
    return _ring(tuple(settings.SEALING_KEYS)).encrypt(text.encode()).decode()


def unseal(sealed: str) -> str:
    """Return what was sealed with any of the keys; raises SealBroken."""
    try:
        return _ring(tuple(settings.SEALING_KEYS)).decrypt(sealed.encode()).decode()
    except InvalidToken as error:
        raise SealBroken("The seal does not fit any of the keys.") from error


def reseal(sealed: str) -> str:
    """Return the same, sealed under the newest key; raises SealBroken."""
    try:
        return _ring(tuple(settings.SEALING_KEYS)).rotate(sealed.encode()).decode()
    except InvalidToken as error:
        raise SealBroken("The seal does not fit any of the keys.") from error


def check_keys() -> None:
    """Raise ImproperlyConfigured if there are no keys, or one is none."""
    _ring(tuple(settings.SEALING_KEYS))


@lru_cache(maxsize=8)
def _ring(keys: tuple[str, ...]) -> MultiFernet:
    if not keys:
        raise ImproperlyConfigured("SEALING_KEYS is empty; nothing can be sealed.")
    try:
        return MultiFernet([Fernet(key) for key in keys])
    except ValueError as error:
        raise ImproperlyConfigured(
            "SEALING_KEYS holds a key that is not 32 bytes in URL-safe base64."
        ) from error
