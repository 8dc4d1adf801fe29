"""Other issuers whose access tokens are believed, as JWT_ISSUERS names them."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import NAMESPACE_URL, uuid5

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from opencore.claims import AccessClaims
from opencore.tokens.fetching import fetched_keys
from opencore.tokens.issuers import moment
from opencore.tokens.keys import Key, KeyRing
from opencore.tokens.rules import audiences_of, uuid_of

LONGEST_LIFE = 24 * 3600.0
_HEADER_TYPES = frozenset({"jwt", "at+jwt", "application/at+jwt"})
# RFC 7515 4.1.11, RFC 7797: what stands there changes how a token is read.
_EXTENSIONS = frozenset({"crit", "b64"})
# Some say in the claims what kind of token it is; an ID token is none for an API.
_CLAIMED_TYPES = frozenset({"access", "Bearer"})


class KeySource(Protocol):
    """Where the keys of an issuer come from; it never lets anybody wait."""

    def ring(self) -> KeyRing:
        """Return the keys that are believed now."""
        ...

    def look_again(self) -> None:
        """Ask for keys that came since."""
        ...


@dataclass(frozen=True, slots=True)
class ForeignIssuer:
    """Another issuer: what it signs for us makes its bearer the user that `sub` names.

    It gives no role but that of a user and no organizations. Whoever it is, it can
    speak for every user. Its tokens have `iss`, `sub` (a UUID), `exp`, `iat`, `aud`
    and `sid` or `jti`, and live a day at most.
    """

    name: str
    keys: KeySource
    audiences: frozenset[str]
    longest: float = LONGEST_LIFE

    def ring(self) -> KeyRing:
        """Return the keys that the issuer publishes."""
        return self.keys.ring()

    def key_for(self, header: Mapping[str, Any], ring: KeyRing) -> Key:
        """Return the key that a header names; ask for it if nobody knows it."""
        if str(header.get("typ", "JWT")).lower() not in _HEADER_TYPES:
            raise ValueError("the token is of another kind")
        if not _EXTENSIONS.isdisjoint(header):
            raise ValueError("the token has to be read in another way")
        key = ring.by_name.get(header["kid"])
        if key is None:
            self.keys.look_again()
            raise ValueError("nobody knows the key")
        if header["alg"] != key.algorithm:
            raise ValueError("the key signs in another way")
        return key

    def bearer(self, payload: Mapping[str, Any], key: Key) -> AccessClaims:
        """Return who bears the token."""
        if payload.get("typ", "access") not in _CLAIMED_TYPES:
            raise ValueError("the token is of another kind")
        if self.audiences.isdisjoint(audiences_of(payload)):
            raise ValueError("the token is meant for others")
        session = payload.get("sid", payload.get("jti"))
        if not isinstance(session, str) or not session:
            raise ValueError("the token names no session")
        return AccessClaims(
            user_id=uuid_of(payload["sub"]),
            session_id=uuid5(NAMESPACE_URL, f"{self.name} {session}"),
            role="user",
            expires_at=moment(payload["exp"]),
            issued_at=moment(payload["iat"]),
            key_id=key.key_id,
        )

    def is_for(self, audiences: frozenset[str]) -> bool:  # noqa: ARG002 -- the signature is the protocol's
        """Accept: a token for others was refused already."""
        return True


def foreign_issuers() -> dict[str, ForeignIssuer]:
    """Return the issuers of the settings by name; raises ImproperlyConfigured."""
    ours = settings.JWT_AUDIENCE or [settings.PUBLIC_URL]
    issuers = {}
    for name, (url, audience) in settings.JWT_ISSUERS.items():
        if name == settings.PUBLIC_URL:
            raise ImproperlyConfigured("JWT_ISSUERS names PUBLIC_URL, which is ours.")
        if settings.PROFILE != "local" and not url.startswith("https://"):
            raise ImproperlyConfigured(
                f"JWT_ISSUERS: the keys of {name} must come from https://."
            )
        audiences = frozenset([audience] if audience else ours)
        issuers[name] = ForeignIssuer(name, fetched_keys(url), audiences)
    return issuers


def fetch_foreign_keys(*, within: float) -> None:
    """Begin to fetch the keys of other issuers, and wait for the first answers."""
    until = time.monotonic() + within
    urls = [url for url, _ in settings.JWT_ISSUERS.values()]
    for url in urls:
        fetched_keys(url).ring()
    for url in urls:
        fetched_keys(url).tried.wait(max(0.0, until - time.monotonic()))
