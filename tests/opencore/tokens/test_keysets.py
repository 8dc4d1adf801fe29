"""Of a published set, only keys that can verify tokens are taken."""

import json

import jwt
import pytest
from django.test import Client
from hypothesis import HealthCheck, given
from hypothesis import settings as effort
from hypothesis import strategies as st
from pytest_django import Settings

from opencore.tokens.keysets import keys_of
from tests.opencore.tokens.forging import (
    ADA,
    OTHER_KEY,
    PAIRS,
    Members,
    access,
    header_of,
    jwk,
    pem_of,
    public_half,
)


def document(*members: object) -> bytes:
    return json.dumps({"keys": members}).encode()


@pytest.mark.parametrize("kind", PAIRS)
@pytest.mark.parametrize(
    "changes",
    [{}, {"alg": None}, {"use": None}, {"key_ops": ["verify"]}, {"x5t": "AAAA"}],
    ids=repr,
)
def test_a_key_for_signatures_is_taken(kind: str, changes: Members) -> None:
    member = {
        name: value for name, value in jwk(kind, **changes).items() if value is not None
    }

    (key,), left_out = keys_of(document(member))

    assert (key.key_id, key.algorithm, key.private) == (f"{kind}-1", kind, None)
    assert left_out == []


LEFT_OUT: dict[str, tuple[object, str]] = {
    "a secret": ({"kty": "oct", "k": "AAAA", "kid": "x"}, "not public"),
    "a private key": (jwk("ES256", d="AAAA"), "not public"),
    "a key for encryption": (jwk("RS256", use="enc"), "not for signatures"),
    "a key that signs alone": (jwk("RS256", key_ops=["sign"]), "not for verifying"),
    "another algorithm": (jwk("RS256", alg="RS512"), "of a kind"),
    "an algorithm of another kind": (jwk("ES256", alg="RS256"), "of a kind"),
    "a secret's algorithm": (jwk("RS256", alg="HS384"), "of a kind"),
    "no algorithm": (jwk("RS256", alg=None), "of a kind"),
    "another curve": (jwk("another curve", kid="x"), "of a kind"),
    "a curve that is a list": (jwk("ES256", crv=["P-256"]), ""),
    "a weak key": (jwk("weak"), "at least 2048 bits"),
    "no name": (jwk("ES256", kid=None), "no plain name"),
    "an empty name": (jwk("ES256", kid=""), "no plain name"),
    "a name with a line's end": (jwk("ES256", kid="x\ny"), "no plain name"),
    "a long name": (jwk("ES256", kid="x" * 129), "no plain name"),
    "a name that stands twice": (jwk("EdDSA", kid="good"), "stands twice"),
    "a point that is none": (jwk("ES256", x="AAAA"), "malformed"),
    "a number that is none": (jwk("RS256", n="!"), "malformed"),
    "no number": ({"kty": "RSA", "kid": "x", "alg": "RS256"}, "malformed"),
    "no key": (7, "no key"),
    "a list": ([], "no key"),
    "no members": ({}, "no plain name"),
}


@pytest.mark.parametrize(("member", "said"), LEFT_OUT.values(), ids=LEFT_OUT.keys())
def test_a_key_that_is_no_good_is_left_out_alone(member: object, said: str) -> None:
    keys, left_out = keys_of(document(jwk("ES256", kid="good"), member))

    assert [(key.key_id, key.algorithm) for key in keys] == [("good", "ES256")]
    assert len(left_out) == 1
    assert said in left_out[0]


ODD: st.SearchStrategy[object] = st.sampled_from(
    [
        *(None, True, 0, -1, 2**70, 1.5, float("nan"), float("inf"), [], ["A"], {}),
        *("", "A", "AAAA", "!", "\u00e9", "\0", "AQAB", "AAEA" * 200, "oct", "P-256"),
        *("RSA", "EC", "OKP", "Ed25519", "Ed448", "verify", ["verify"]),
    ]
)
NAMES = st.sampled_from(
    [
        *("kty", "kid", "use", "alg", "key_ops", "crv", "x", "y", "n", "e"),
        *("d", "k", "p", "q", "oth", "x5c"),
    ]
)


@effort(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(kind=st.sampled_from(PAIRS), changes=st.dictionaries(NAMES, ODD, max_size=3))
def test_no_key_takes_another_along(kind: str, changes: Members) -> None:
    good = jwk("ES256", kid="good")

    keys, _ = keys_of(document(good, {**jwk(kind), **changes}))

    assert keys[0].key_id == "good"


@pytest.mark.parametrize("kind", PAIRS)
def test_others_verify_our_tokens_with_what_is_published(
    kind: str, settings: Settings
) -> None:
    settings.JWT_SIGNING_KEY = pem_of(kind)
    settings.JWT_PREVIOUS_SIGNING_KEYS = [OTHER_KEY, public_half(pem_of("EdDSA", 2))]

    answer = Client().get("/.well-known/jwks.json")

    token = access()
    published = jwt.PyJWKSet.from_json(answer.content.decode())
    read = jwt.decode(token, published[header_of(token)["kid"]])
    assert read["sub"] == str(ADA)
    assert len(published.keys) == 2
    assert answer.headers["Cache-Control"] == "public, max-age=300"
    assert answer.headers["Content-Type"] == "application/jwk-set+json"


def test_nothing_of_a_private_key_is_published(settings: Settings) -> None:
    settings.JWT_SIGNING_KEY = pem_of("RS256")

    (key,) = Client().get("/.well-known/jwks.json").json()["keys"]

    assert set(key) == {"kty", "n", "e", "kid", "alg", "use"}


def test_nothing_is_published_where_secrets_sign() -> None:
    answer = Client().get("/.well-known/jwks.json")

    assert answer.status_code == 404
    assert answer.json()["code"] == "not_found"


def test_what_is_published_here_is_taken_there(settings: Settings) -> None:
    settings.JWT_SIGNING_KEY = pem_of("ES256")

    (key,), left_out = keys_of(Client().get("/.well-known/jwks.json").content)

    assert key.key_id == header_of(access())["kid"]
    assert left_out == []
