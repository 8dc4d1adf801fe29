"""Whose access tokens are believed besides our own, as one variable says it."""

from urllib.parse import urlsplit


def issuers_of(text: str) -> dict[str, tuple[str, str]]:
    """Read `issuer=URL of its keys[|audience]` pairs, with commas; raises ValueError.

    An audience that is left out is empty.
    """
    pairs = [pair.strip() for pair in text.split(",") if pair.strip()]
    issuers = dict(_issuer_of(pair) for pair in pairs)
    if len(issuers) != len(pairs):
        raise ValueError("an issuer stands twice")
    return issuers


def _issuer_of(pair: str) -> tuple[str, tuple[str, str]]:
    name, _, rest = pair.partition("=")
    url, _, audience = rest.partition("|")
    parts = urlsplit(url)
    if not name or parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(f"use issuer=https://host/keys|audience; this is {pair!r}")
    return name, (url, audience)
