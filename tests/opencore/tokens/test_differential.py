"""Whatever anybody signs, the verdict is PyJWT's where PyJWT has one."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jwt
import pytest
from django.conf import settings
from django.test import override_settings
from hypothesis import HealthCheck, assume, example, given
from hypothesis import settings as effort
from hypothesis import strategies as st

from opencore.tokens import TokenExpired, TokenInvalid, read_access
from opencore.tokens.foreign import ForeignIssuer
from opencore.tokens.keys import Key, KeyRing, load_key
from opencore.tokens.reading import AccessReader
from tests.opencore.tokens.forging import (
    ADA,
    PAIRS,
    SESSION,
    Members,
    access,
    changed,
    decoded,
    is_read,
    now,
    pem_of,
)
from tests.opencore.tokens.idp import IDP, OURS, signed_by, token_of

PATIENT = effort(
    deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow]
)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from([str(ADA), "user", "operator", "access", "refresh", "HS384"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)
NAMES = st.sampled_from(
    [
        *("alg", "typ", "kid", "sub", "sid", "role", "iss"),
        *("exp", "iat", "jti", "nbf", "aud", "org"),
    ]
)
# None leaves a claim out. Times lie a minute from the edges: this is no race.
TIMES = st.sampled_from([-3600, -60, 0, 60, 3600])
AUDIENCES = st.sampled_from(
    [None, "opencore", "billing", ["billing", "opencore"], ["x"], [], "", 7]
)


@dataclass(frozen=True)
class StandingKeys:
    """The keys of an issuer that never changes them."""

    keys: KeyRing

    def ring(self) -> KeyRing:
        return self.keys

    def look_again(self) -> None:
        pass


def theirs(token: str, key: object, algorithm: str, audience: str | None) -> Members:
    verifying: Any = key
    return jwt.decode(
        token,
        verifying,
        algorithms=[algorithm],
        issuer=settings.PUBLIC_URL,
        audience=audience,
        leeway=5,
        options={
            "require": ["exp", "iat", "iss", "sub", "jti"],
            "verify_aud": audience is not None,
        },
    )


@PATIENT
@given(
    header=st.dictionaries(NAMES, JSON, max_size=2),
    claims=st.dictionaries(NAMES, JSON, max_size=2),
)
def test_whatever_is_accepted_is_accepted_by_pyjwt_with_the_same_claims(
    header: Members, claims: Members
) -> None:
    token = changed(lambda first, second: (first.update(header), second.update(claims)))

    try:
        found = read_access(token)
    except (TokenInvalid, TokenExpired):
        return
    read = theirs(token, settings.JWT_SIGNING_KEY, "HS384", None)
    assert (str(found.user_id), found.role) == (read["sub"], read["role"])
    assert found.expires_at.timestamp() == read["exp"]


@PATIENT
@example(header={}, claims={})
@given(
    header=st.dictionaries(NAMES, JSON, max_size=2),
    claims=st.dictionaries(NAMES, JSON, max_size=2),
)
def test_whatever_is_accepted_of_another_issuer_is_accepted_by_pyjwt(
    header: Members, claims: Members
) -> None:
    key = load_key(pem_of("ES256"))
    keys = KeyRing([Key("ES256", "ES256", key.public)])
    issuer = ForeignIssuer(IDP, StandingKeys(keys), frozenset({OURS}))
    payload = decoded(token_of(now=int(time.time())).split(".")[1]) | claims
    token = signed_by("ES256", {"alg": "ES256", "kid": "ES256", **header}, payload)

    try:
        found = AccessReader({IDP: issuer}, leeway=5).read(token, None, now=time.time())
    except (TokenInvalid, TokenExpired):
        return
    public: Any = key.public
    read = jwt.decode(
        token, public, algorithms=["ES256"], issuer=IDP, audience=OURS, leeway=5
    )
    assert (str(found.user_id), found.role) == (read["sub"], "user")


@PATIENT
@example("HS384", 1, 0, None, ["billing"], "billing", "http://testserver")
@example("ES256", 2, 0, None, ["billing"], "billing", "http://testserver")
@given(
    kind=st.sampled_from(["HS384", *PAIRS]),
    signer=st.sampled_from([1, 1, 1, 2]),
    begin=TIMES,
    not_before=st.none() | TIMES,
    audience=AUDIENCES,
    asked_for=st.sampled_from(["opencore", "billing"]),
    issuer=st.sampled_from(["http://testserver", "http://testserver/", "x"]),
)
def test_a_well_formed_token_is_accepted_if_and_only_if_pyjwt_accepts_it(
    kind: str,
    signer: int,
    begin: int,
    not_before: int | None,
    audience: str | Sequence[str] | None,
    asked_for: str,
    issuer: str,
) -> None:
    believed, used = key_of(kind, 1), load_key(key_of(kind, signer))
    issued = int(now().timestamp()) + begin
    payload = well_formed(issuer=issuer, issued=issued)
    payload |= {} if not_before is None else {"nbf": issued + not_before}
    payload |= {} if audience is None else {"aud": audience}
    private: Any = used.private
    kid = {"kid": load_key(believed).key_id}
    token = jwt.encode(payload, private, algorithm=used.algorithm, headers=kid)

    with override_settings(JWT_SIGNING_KEY=believed, PUBLIC_URL="http://testserver"):
        ours = is_read(lambda: read_access(token, asked_for))
        public = load_key(believed).public
        pyjwts = is_read(lambda: theirs(token, public, used.algorithm, asked_for))

    assert ours == pyjwts


def key_of(kind: str, number: int) -> str:
    return f"{kind}-{number}-" * 12 if kind == "HS384" else pem_of(kind, number)


def well_formed(*, issuer: str, issued: int) -> Members:
    return {
        "iss": issuer,
        "sub": str(ADA),
        "sid": str(SESSION),
        "role": "user",
        "typ": "access",
        "jti": "1",
        "iat": issued,
        "exp": issued + 600,
    }


@PATIENT
@given(place=st.integers(min_value=0), letter=st.integers(min_value=0, max_value=255))
def test_a_token_with_one_other_letter_is_never_accepted(
    place: int, letter: int
) -> None:
    token = access()
    spot = place % len(token)
    edited = token[:spot] + chr(letter) + token[spot + 1 :]

    assume(edited != token)

    with pytest.raises((TokenInvalid, TokenExpired)):
        read_access(edited)


@PATIENT
@given(token=st.text(max_size=200))
def test_no_text_makes_anything_but_a_refusal(token: str) -> None:
    with pytest.raises(TokenInvalid):
        read_access(token)
