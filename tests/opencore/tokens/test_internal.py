"""The gateway tells an upstream who asks, and nobody else can."""

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings as configured
from django.core.exceptions import ImproperlyConfigured
from django.test import Client
from pytest_django import Settings

from opencore.claims import AccessClaims
from opencore.tokens import (
    TokenExpired,
    TokenInvalid,
    kid_of,
    mint_internal,
    read_access,
    read_internal,
)
from opencore.tokens.internal import InternalMint
from opencore.tokens.keys import load_key
from tests.opencore.tokens.forging import (
    ACME,
    ADA,
    OTHER_KEY,
    PAIRS,
    SESSION,
    Change,
    access,
    decoded,
    encoded,
    header_of,
    pem_of,
    public_half,
    signed,
)

NOW = 1_800_000_000


def ada(*, ends: float = NOW + 600) -> AccessClaims:
    return AccessClaims(
        user_id=ADA,
        session_id=SESSION,
        role="operator",
        issued_at=datetime.fromtimestamp(NOW, UTC),
        expires_at=datetime.fromtimestamp(ends, UTC),
        key_id="key-1",
        org_ids=(ACME,),
    )


def ada_for_long() -> AccessClaims:
    return ada(ends=time.time() + 600)


@pytest.fixture
def mint() -> InternalMint:
    key = load_key(configured.JWT_INTERNAL_SIGNING_KEY)
    return InternalMint(key, issuer=configured.PUBLIC_URL, leeway=5)


def payload_of(token: str) -> dict[str, object]:
    return decoded(token.split(".")[1])


def test_an_upstream_reads_what_the_gateway_said() -> None:
    before = datetime.now(UTC).replace(microsecond=0)

    claims = read_internal(mint_internal(ada_for_long(), "billing", "req-1"), "billing")

    assert (claims.user_id, claims.session_id, claims.role) == (
        *(ADA, SESSION, "operator"),
    )
    assert claims.org_ids == (ACME,)
    assert claims.key_id == kid_of(configured.JWT_INTERNAL_SIGNING_KEY)
    assert claims.issued_at >= before
    assert claims.expires_at - claims.issued_at == timedelta(seconds=60)


@pytest.mark.parametrize("kind", PAIRS)
def test_an_upstream_needs_only_the_public_half_of_the_key(
    kind: str, settings: Settings
) -> None:
    settings.JWT_INTERNAL_SIGNING_KEY = pem_of(kind)
    token = mint_internal(ada_for_long(), "billing", "req-1")

    settings.JWT_INTERNAL_SIGNING_KEY = public_half(pem_of(kind))

    assert read_internal(token, "billing").user_id == ADA
    assert header_of(token)["alg"] == kind


def test_the_public_half_is_published(settings: Settings) -> None:
    settings.JWT_INTERNAL_SIGNING_KEY = pem_of("EdDSA")

    (key,) = Client().get("/.well-known/jwks.json").json()["keys"]

    assert key["kid"] == kid_of(pem_of("EdDSA"))


def test_a_token_of_a_previous_key_is_read_while_the_key_is_kept(
    settings: Settings,
) -> None:
    token = mint_internal(ada_for_long(), "billing", "req-1")
    settings.JWT_PREVIOUS_INTERNAL_SIGNING_KEYS = [settings.JWT_INTERNAL_SIGNING_KEY]
    settings.JWT_INTERNAL_SIGNING_KEY = OTHER_KEY

    assert read_internal(token, "billing").user_id == ADA


def test_a_token_is_given_out_for_half_of_its_life(mint: InternalMint) -> None:
    first = mint.mint(ada(), "billing", "req-1", now=NOW)

    assert mint.mint(ada(), "billing", "req-2", now=NOW + 29.9) == first
    assert mint.mint(ada(), "billing", "req-3", now=NOW + 30) != first
    assert payload_of(first)["jti"] == "req-1"


def test_each_upstream_and_each_bearer_has_tokens_of_their_own(
    mint: InternalMint,
) -> None:
    first = mint.mint(ada(), "billing", "req-1", now=NOW)
    to_another = mint.mint(ada(), "orgs", "req-1", now=NOW)
    grace = replace(ada(), user_id=SESSION)
    of_another = mint.mint(grace, "billing", "req-1", now=NOW)

    assert len({first, to_another, of_another}) == 3


@pytest.mark.parametrize(
    ("ends_in", "good_for"), [(600, 60), (55, 60), (54, 59), (-4, 1), (-5, 1)]
)
def test_a_token_is_good_no_longer_than_the_one_it_stands_for(
    ends_in: int, good_for: int, mint: InternalMint
) -> None:
    token = mint.mint(ada(ends=NOW + ends_in), "billing", "req-1", now=NOW)

    assert payload_of(token)["exp"] == NOW + good_for


def test_a_token_whose_time_is_over_says_so(mint: InternalMint) -> None:
    token = mint.mint(ada_for_long(), "billing", "req-1", now=time.time() - 70)

    with pytest.raises(TokenExpired):
        read_internal(token, "billing")


def test_a_token_for_another_upstream_is_refused() -> None:
    token = mint_internal(ada_for_long(), "billing", "req-1")

    with pytest.raises(TokenInvalid):
        read_internal(token, "orgs")


def test_an_internal_token_is_no_access_token(settings: Settings) -> None:
    settings.JWT_INTERNAL_SIGNING_KEY = settings.JWT_SIGNING_KEY
    token = mint_internal(ada_for_long(), "billing", "req-1")

    with pytest.raises(TokenInvalid):
        read_access(token, "billing")


def test_an_access_token_is_no_internal_token(settings: Settings) -> None:
    settings.JWT_AUDIENCE = ["billing"]
    settings.JWT_INTERNAL_SIGNING_KEY = settings.JWT_SIGNING_KEY
    token = access()

    with pytest.raises(TokenInvalid):
        read_internal(token, "billing")


REWRITTEN: dict[str, Change] = {
    "another algorithm": lambda header, _: header.update(alg="HS256"),
    "no audience": lambda _, claims: claims.pop("aud"),
    "no role": lambda _, claims: claims.pop("role"),
    "a role of none": lambda _, claims: claims.update(role="root"),
    "a claim too many": lambda _, claims: claims.update(admin=True),
    "another issuer": lambda _, claims: claims.update(iss="https://evil.example"),
    "an id that is none": lambda _, claims: claims.update(sub="ada"),
    "a long life": lambda _, claims: claims.update(exp=claims["exp"] + 1),
    "an end as text": lambda _, claims: claims.update(exp=str(claims["exp"])),
}


@pytest.mark.parametrize("change", REWRITTEN.values(), ids=REWRITTEN.keys())
def test_a_rightly_signed_token_that_says_other_things_is_refused(
    change: Change,
) -> None:
    header, payload, _ = mint_internal(ada_for_long(), "billing", "r").split(".")
    members = decoded(header), decoded(payload)
    change(*members)
    key = configured.JWT_INTERNAL_SIGNING_KEY
    token = signed(encoded(members[0]), encoded(members[1]), key=key)

    with pytest.raises(TokenInvalid):
        read_internal(token, "billing")


@pytest.mark.parametrize("text", ["", "..", "x", "x" * 5000, "é.é.é", str(ADA)])
def test_a_text_that_is_no_token_is_refused(text: str) -> None:
    with pytest.raises(TokenInvalid):
        read_internal(text, "billing")


def test_nothing_is_minted_or_read_without_a_key(settings: Settings) -> None:
    token = mint_internal(ada_for_long(), "billing", "req-1")
    settings.JWT_INTERNAL_SIGNING_KEY = ""

    with pytest.raises(ImproperlyConfigured):
        mint_internal(ada_for_long(), "billing", "req-1")
    with pytest.raises(ImproperlyConfigured):
        read_internal(token, "billing")
