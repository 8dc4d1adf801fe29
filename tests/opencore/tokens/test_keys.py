"""The key alone says how a token is signed, whatever kind of key it is."""

import jwt
import pytest
from django.core.exceptions import ImproperlyConfigured
from pytest_django import Settings

from opencore.tokens import TokenInvalid, kid_of, read_access
from opencore.tokens.keys import jwk_of, load_key
from tests.opencore.tokens.forging import (
    ADA,
    OTHER_KEY,
    PAIRS,
    Members,
    access,
    encoded,
    header_of,
    other_letter,
    pem_of,
    public_half,
    signed,
)


def test_a_secret_signs_with_hs384() -> None:
    assert header_of(access())["alg"] == "HS384"


@pytest.mark.parametrize("kind", PAIRS)
def test_a_pem_signs_as_its_kind_of_key_does(kind: str, settings: Settings) -> None:
    settings.JWT_SIGNING_KEY = pem_of(kind)
    token = access()

    assert read_access(token).user_id == ADA
    assert header_of(token) == {
        "alg": kind,
        "typ": "JWT",
        "kid": kid_of(public_half(pem_of(kind))),
    }


@pytest.mark.parametrize("kind", PAIRS)
def test_the_public_half_of_a_previous_key_is_enough(
    kind: str, settings: Settings
) -> None:
    settings.JWT_SIGNING_KEY = pem_of(kind)
    old = access()
    settings.JWT_SIGNING_KEY = pem_of("EdDSA", 2)
    settings.JWT_PREVIOUS_SIGNING_KEYS = [public_half(pem_of(kind))]

    assert read_access(old).key_id == kid_of(pem_of(kind))


def test_a_token_of_a_secret_is_read_after_the_change_to_a_pair_of_keys(
    settings: Settings,
) -> None:
    old = access()
    settings.JWT_PREVIOUS_SIGNING_KEYS = [settings.JWT_SIGNING_KEY]
    settings.JWT_SIGNING_KEY = pem_of("ES256")

    assert read_access(old).user_id == ADA
    assert header_of(access())["alg"] == "ES256"


@pytest.mark.parametrize("alg", ["HS384", "HS256", "none"])
@pytest.mark.parametrize("kind", PAIRS)
def test_what_is_public_is_no_secret(kind: str, alg: str, settings: Settings) -> None:
    settings.JWT_SIGNING_KEY = pem_of(kind)
    token = access()
    header = {**header_of(token), "alg": alg}

    forged = signed(encoded(header), token.split(".")[1], key=public_half(pem_of(kind)))

    with pytest.raises(TokenInvalid):
        read_access(forged)


@pytest.mark.parametrize("kind", PAIRS)
def test_a_token_of_another_key_of_the_kind_is_refused(
    kind: str, settings: Settings
) -> None:
    settings.JWT_SIGNING_KEY = pem_of(kind, 2)
    foreign = access().split(".")
    settings.JWT_SIGNING_KEY = pem_of(kind)
    header = access().split(".")[0]

    with pytest.raises(TokenInvalid):
        read_access(".".join([header, *foreign[1:]]))


@pytest.mark.parametrize("kind", PAIRS)
def test_a_signature_has_one_spelling(kind: str, settings: Settings) -> None:
    settings.JWT_SIGNING_KEY = pem_of(kind)

    # The last letter's lowest bit is a spare one: the bytes stay as they are.
    respelled = other_letter(access(), -1)

    with pytest.raises(TokenInvalid):
        read_access(respelled)


@pytest.mark.parametrize("kind", PAIRS)
def test_a_signature_is_not_padded(kind: str, settings: Settings) -> None:
    settings.JWT_SIGNING_KEY = pem_of(kind)

    padded = access() + "=="

    with pytest.raises(TokenInvalid):
        read_access(padded)


@pytest.mark.parametrize("kind", PAIRS)
def test_an_access_key_verifies_with_what_it_publishes(
    kind: str, settings: Settings
) -> None:
    settings.JWT_SIGNING_KEY = pem_of(kind)

    published: Members = {**jwk_of(load_key(pem_of(kind)))}

    read = jwt.decode(access(), jwt.PyJWK(published), algorithms=[kind])
    assert read["sub"] == str(ADA)
    assert "d" not in published


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        ("-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----", "no PEM"),
        ("-----BEGIN PUBLIC KEY-----\nc2VjcmV0\n-----END PUBLIC KEY-----", "no PEM"),
        ("-----BEGIN secret", "no PEM"),
        (pem_of("weak"), "at least 2048 bits"),
        (pem_of("another curve"), "of P-256"),
    ],
    ids=[
        "empty",
        "a broken private PEM",
        "a broken public PEM",
        "cut",
        "weak",
        "P-384",
    ],
)
def test_a_text_that_holds_no_good_key_is_refused_without_being_repeated(
    text: str, said: str
) -> None:
    with pytest.raises(ImproperlyConfigured, match=said) as refusal:
        load_key(text)

    assert "c2VjcmV0" not in str(refusal.value)


def test_a_public_key_signs_nothing(settings: Settings) -> None:
    settings.JWT_SIGNING_KEY = public_half(pem_of("ES256"))

    with pytest.raises(ImproperlyConfigured, match="can't sign"):
        access()


def test_two_keys_have_two_names() -> None:
    names = {kid_of(pem_of("ES256")), kid_of(pem_of("ES256", 2)), kid_of(OTHER_KEY)}

    assert len(names) == 3
