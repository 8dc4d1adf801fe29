"""Hashes by which secrets are found again, of which the database knows no more."""

import hashlib
import hmac

from django.conf import settings


def lookup_hash(text: str, *, purpose: str) -> bytes:
    """Return the HMAC-SHA-256 under which a text is stored for a purpose."""
    return _hash(settings.LOOKUP_PEPPER, purpose, text)


def lookup_hashes(text: str, *, purpose: str) -> list[bytes]:
    """Return all hashes under which a text may be stored, the newest key's first."""
    peppers = (settings.LOOKUP_PEPPER, *settings.PREVIOUS_LOOKUP_PEPPERS)
    return [_hash(pepper, purpose, text) for pepper in peppers]


def _hash(pepper: str, purpose: str, text: str) -> bytes:
    said = purpose.encode() + b"\x00" + text.encode()
    return hmac.digest(pepper.encode(), said, hashlib.sha256)
