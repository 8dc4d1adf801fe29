"""The gateway tells an upstream which program asks, and nobody else can."""

import time
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from django.conf import settings as configured

from opencore.claims import KeyClaims
from opencore.tokens import (
    TokenExpired,
    TokenInvalid,
    mint_internal,
    read_access,
    read_internal,
    read_internal_key,
)
from opencore.tokens.internal import InternalMint
from opencore.tokens.keys import load_key
from tests.opencore.tokens.forging import (
    ACME,
    ADA,
    SESSION,
    Change,
    decoded,
    encoded,
    signed,
)

NOW = 1_800_000_000


def robot(**more: object) -> KeyClaims:
    plain = KeyClaims(
        key_id=SESSION,
        organization_id=ACME,
        scopes=frozenset({"org.read", "usage.write"}),
        issued_at=datetime.fromtimestamp(NOW, UTC),
        service_account_id=ADA,
    )
    return replace(plain, **more)  # type: ignore[arg-type]  # -- each caller names a field of its type


@pytest.fixture
def mint() -> InternalMint:
    key = load_key(configured.JWT_INTERNAL_SIGNING_KEY)
    return InternalMint(key, issuer=configured.PUBLIC_URL, leeway=5)


@pytest.mark.parametrize(
    "said",
    [robot(), robot(service_account_id=None, user_id=ADA), robot(scopes=frozenset())],
)
def test_an_upstream_reads_which_key_asks_and_what_it_allows(said: KeyClaims) -> None:
    heard = read_internal_key(mint_internal(said, "metering", "req-1"), "metering")

    for name in ("key_id", "organization_id", "service_account_id", "user_id"):
        assert getattr(heard, name) == getattr(said, name)
    assert heard.scopes == said.scopes
    assert heard.expires_at is not None
    assert (heard.expires_at - heard.issued_at).total_seconds() == 60


def test_it_is_good_no_longer_than_the_key(mint: InternalMint) -> None:
    ends = datetime.fromtimestamp(NOW + 7, UTC)

    token = mint.mint(robot(expires_at=ends), "metering", "req-1", now=NOW)

    assert decoded(token.split(".")[1])["exp"] == NOW + 7


def test_it_is_of_no_use_elsewhere() -> None:
    token = mint_internal(robot(), "metering", "req-1")

    with pytest.raises(TokenInvalid):
        read_internal(token, "metering")
    with pytest.raises(TokenInvalid):
        read_internal_key(token, "billing")
    with pytest.raises(TokenInvalid):
        read_access(token, "metering")


def test_one_whose_time_is_over_says_so(mint: InternalMint) -> None:
    token = mint.mint(robot(), "metering", "req-1", now=time.time() - 70)

    with pytest.raises(TokenExpired):
        read_internal_key(token, "metering")


REWRITTEN: dict[str, Change] = {
    "no holder": lambda _, claims: claims.pop("holder"),
    "another holder": lambda _, claims: claims.update(holder="root"),
    "two organizations": lambda _, claims: claims.update(org=[str(ACME), str(ADA)]),
    "scopes as a list": lambda _, claims: claims.update(scope=["org.read"]),
    "a key that is none": lambda _, claims: claims.update(key="one"),
    "a session": lambda _, claims: claims.update(sid=str(SESSION)),
    "another kind": lambda _, claims: claims.update(typ="internal"),
}


@pytest.mark.parametrize("change", REWRITTEN.values(), ids=REWRITTEN.keys())
def test_a_rightly_signed_token_that_says_other_things_is_refused(
    change: Change,
) -> None:
    header, payload, _ = mint_internal(robot(), "metering", "r").split(".")
    members = decoded(header), decoded(payload)
    change(*members)
    key = configured.JWT_INTERNAL_SIGNING_KEY
    token = signed(encoded(members[0]), encoded(members[1]), key=key)

    with pytest.raises(TokenInvalid):
        read_internal_key(token, "metering")
