"""A token that was read before is believed again, and not a moment too long."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from pytest_django import Settings

from opencore.claims import AccessClaims
from opencore.tokens import TokenExpired, TokenInvalid, kid_of, read_access
from opencore.tokens.issuers import claims_of
from opencore.tokens.keys import Key, KeyRing, ring_of
from opencore.tokens.reading import MOST_REFUSED, AccessReader
from opencore.tokens.rules import own_key
from tests.opencore.tokens.forging import (
    ADA,
    OTHER_KEY,
    access,
    changed,
    decoded,
    other_letter,
)

LEEWAY = 5


class CountedIssuer:
    """This deployment; it counts who asks it, and may lose its keys meanwhile."""

    longest = 600.0

    def __init__(self) -> None:
        self.keys = ring_of((settings.JWT_SIGNING_KEY,))
        self.asked = 0
        self.loses_keys_while_asked = False

    def ring(self) -> KeyRing:
        return self.keys

    def lose_keys(self) -> None:
        self.keys.retired, self.keys = True, KeyRing([])

    def key_for(self, header: Mapping[str, Any], ring: KeyRing) -> Key:
        self.asked += 1
        if self.loses_keys_while_asked:
            self.lose_keys()
        return own_key(header, ring)

    def bearer(self, payload: Mapping[str, Any], key: Key) -> AccessClaims:
        return claims_of(payload, key)

    def is_for(self, audiences: frozenset[str]) -> bool:
        return not audiences


@pytest.fixture
def issuer() -> CountedIssuer:
    return CountedIssuer()


@pytest.fixture
def reader(issuer: CountedIssuer) -> AccessReader:
    return AccessReader({settings.PUBLIC_URL: issuer}, leeway=LEEWAY)


def begin_of(token: str) -> int:
    begin: int = decoded(token.split(".")[1])["iat"]
    return begin


def end_of(token: str) -> int:
    end: int = decoded(token.split(".")[1])["exp"]
    return end


def test_a_token_is_verified_once(reader: AccessReader, issuer: CountedIssuer) -> None:
    token = access()
    now = begin_of(token)

    first = reader.read(token, None, now=now)
    second = reader.read(token, None, now=now + 599)

    assert first is second
    assert issuer.asked == 1


def test_a_known_token_is_verified_anew_from_its_end_on(
    reader: AccessReader, issuer: CountedIssuer
) -> None:
    token = access()
    reader.read(token, None, now=begin_of(token))

    reader.read(token, None, now=end_of(token))

    assert issuer.asked == 2


@pytest.mark.parametrize("known", [True, False])
def test_a_token_is_over_when_its_end_and_the_leeway_have_passed(
    known: bool, reader: AccessReader
) -> None:
    token = access()
    end = end_of(token)
    first = begin_of(token) if known else end + LEEWAY - 1

    assert reader.read(token, None, now=first).user_id == ADA
    assert reader.read(token, None, now=end + LEEWAY - 0.001).user_id == ADA
    with pytest.raises(TokenExpired):
        reader.read(token, None, now=end + LEEWAY)


def test_a_token_begins_the_leeway_before_its_time(reader: AccessReader) -> None:
    token = access()

    with pytest.raises(TokenInvalid):
        reader.read(token, None, now=begin_of(token) - LEEWAY - 0.001)
    assert reader.read(token, None, now=begin_of(token) - LEEWAY).user_id == ADA


def test_a_token_begins_no_earlier_than_it_says(reader: AccessReader) -> None:
    later = changed(lambda _, claims: claims.update(nbf=claims["iat"] + 100))
    begin = begin_of(later) + 100

    with pytest.raises(TokenInvalid):
        reader.read(later, None, now=begin - LEEWAY - 0.001)
    assert reader.read(later, None, now=begin - LEEWAY).user_id == ADA


def test_a_token_begins_no_earlier_than_it_was_made(reader: AccessReader) -> None:
    token = changed(lambda _, claims: claims.update(nbf=claims["iat"] - 100))

    with pytest.raises(TokenInvalid):
        reader.read(token, None, now=begin_of(token) - LEEWAY - 0.001)


def test_a_token_that_ends_when_it_begins_is_none(reader: AccessReader) -> None:
    token = changed(lambda _, claims: claims.update(exp=claims["iat"]))

    with pytest.raises(TokenInvalid):
        reader.read(token, None, now=begin_of(token))


def test_a_known_token_is_refused_as_soon_as_its_ring_is_retired(
    reader: AccessReader, issuer: CountedIssuer
) -> None:
    token = access()
    reader.read(token, None, now=begin_of(token))

    issuer.lose_keys()

    with pytest.raises(TokenInvalid):
        reader.read(token, None, now=begin_of(token))


def test_a_token_that_was_verified_while_its_ring_was_retired_is_not_kept(
    reader: AccessReader, issuer: CountedIssuer
) -> None:
    token = access()
    issuer.loses_keys_while_asked = True
    reader.read(token, None, now=begin_of(token))

    with pytest.raises(TokenInvalid):
        reader.read(token, None, now=begin_of(token))


def test_a_wrong_signature_is_tried_once(
    reader: AccessReader, issuer: CountedIssuer
) -> None:
    forged = other_letter(access(), -1)

    for _ in range(3):
        with pytest.raises(TokenInvalid):
            reader.read(forged, None, now=begin_of(forged))

    assert issuer.asked == 1


def test_a_wrong_signature_is_tried_again_with_another_ring(
    reader: AccessReader, issuer: CountedIssuer
) -> None:
    token = access()
    good, kid = issuer.keys, kid_of(settings.JWT_SIGNING_KEY)
    issuer.keys = KeyRing([Key(kid, "HS384", OTHER_KEY.encode())])
    with pytest.raises(TokenInvalid):
        reader.read(token, None, now=begin_of(token))

    issuer.keys.retired, issuer.keys = True, good

    assert reader.read(token, None, now=begin_of(token)).user_id == ADA


def test_forged_tokens_drive_no_good_one_out(
    reader: AccessReader, issuer: CountedIssuer
) -> None:
    good = access()
    reader.read(good, None, now=begin_of(good))
    signed = good.rpartition(".")[0]
    forged = [f"{signed}.{number:0>64}" for number in range(MOST_REFUSED + 1)]

    for token in forged:
        with pytest.raises(TokenInvalid):
            reader.read(token, None, now=begin_of(good))
    asked = issuer.asked
    reader.read(good, None, now=begin_of(good))

    assert len(reader.refused) == MOST_REFUSED
    assert len(reader.accepted) == 1
    assert issuer.asked == asked


def test_threads_that_share_a_reader_get_each_the_claims_of_its_token(
    reader: AccessReader,
) -> None:
    tokens = [access() for _ in range(8)]
    now = begin_of(tokens[0])
    alone = AccessReader({settings.PUBLIC_URL: CountedIssuer()}, leeway=LEEWAY)
    expected = [alone.read(token, None, now=now) for token in tokens] * 50

    with ThreadPoolExecutor(4) as threads:
        found = list(
            threads.map(lambda token: reader.read(token, None, now=now), tokens * 50)
        )

    assert found == expected


def test_a_token_that_was_read_is_refused_once_the_settings_drop_its_key(
    settings: Settings,
) -> None:
    token = access()
    read_access(token)

    settings.JWT_SIGNING_KEY = OTHER_KEY

    with pytest.raises(TokenInvalid):
        read_access(token)


def test_a_token_that_was_read_is_refused_once_its_life_is_too_long(
    settings: Settings,
) -> None:
    token = access()
    read_access(token)

    settings.ACCESS_TOKEN_LIFETIME -= timedelta(seconds=1)

    with pytest.raises(TokenInvalid):
        read_access(token)
