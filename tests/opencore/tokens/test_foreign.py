"""Tokens of other issuers are believed as far as these are trusted, and no further."""

import time
from uuid import NAMESPACE_URL, uuid5

import pytest
from django.core.exceptions import ImproperlyConfigured
from pytest_django import Settings

from opencore.tokens import (
    TokenExpired,
    TokenInvalid,
    fetch_foreign_keys,
    fetching,
    read_access,
)
from opencore.tokens.foreign import ForeignIssuer, foreign_issuers
from opencore.tokens.keys import Key, KeyRing, load_key
from opencore.tokens.reading import AccessReader
from tests.opencore.tokens.forging import (
    ACME,
    ADA,
    PAIRS,
    SESSION,
    Members,
    decoded,
    encoded,
    pem_of,
    public_half,
    signed,
)
from tests.opencore.tokens.idp import IDP, KEYS_URL, NOW, OURS, signed_by, token_of
from tests.opencore.tokens.publisher import Published

OTHER_IDP = "https://login.example.org"


class Keys:
    """The keys that an issuer publishes; it notes that somebody asked for more."""

    def __init__(self, *kinds: str) -> None:
        self.asked = 0
        self.publish(*kinds)

    def publish(self, *kinds: str) -> None:
        loaded = [(kind, load_key(public_half(pem_of(kind)))) for kind in kinds]
        self._ring = KeyRing(
            Key(kind, key.algorithm, key.public) for kind, key in loaded
        )

    def ring(self) -> KeyRing:
        return self._ring

    def look_again(self) -> None:
        self.asked += 1


@pytest.fixture
def keys() -> Keys:
    return Keys(*PAIRS)


@pytest.fixture
def reader(keys: Keys) -> AccessReader:
    audiences = frozenset({OURS})
    issuers = {
        IDP: ForeignIssuer(IDP, keys, audiences),
        OTHER_IDP: ForeignIssuer(OTHER_IDP, Keys(), audiences),
    }
    return AccessReader(issuers, leeway=5)


@pytest.mark.parametrize("kind", PAIRS)
def test_a_token_of_a_trusted_issuer_makes_its_bearer_a_user(
    kind: str, reader: AccessReader
) -> None:
    claims = reader.read(token_of(kind), None, now=NOW)

    assert (claims.user_id, claims.role, claims.key_id) == (ADA, "user", kind)
    assert claims.session_id == uuid5(NAMESPACE_URL, f"{IDP} token-1")
    assert claims.issued_at.timestamp() == NOW
    assert claims.expires_at.timestamp() == NOW + 3600


ACCEPTED: dict[str, Members] = {
    "an audience among others": {"aud": ["elsewhere", OURS]},
    "a type of claims": {"typ": "access"},
    "a type as Keycloak writes it": {"typ": "Bearer"},
    "names that nobody knows here": {"azp": "app", "scope": "openid", "x": [1]},
    "a session": {"sid": "s-1", "jti": None},
    "a life of a day": {"exp": NOW + 24 * 3600},
    "a time that has come": {"nbf": NOW},
}


@pytest.mark.parametrize("claims", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_a_token_may_say(claims: Members, reader: AccessReader) -> None:
    assert reader.read(token_of(**claims), None, now=NOW).user_id == ADA


REFUSED: dict[str, Members] = {
    "no subject": {"sub": None},
    "a subject that is no id": {"sub": "auth0|7"},
    "a subject in capitals": {"sub": str(ADA).upper()},
    "no audience": {"aud": None},
    "another audience": {"aud": "elsewhere"},
    "an audience that is no name": {"aud": {OURS: 1}},
    "no end": {"exp": None},
    "no begin": {"iat": None},
    "an end as text": {"exp": str(NOW + 60)},
    "a fraction": {"exp": NOW + 60.5},
    "a life of more than a day": {"exp": NOW + 24 * 3600 + 1},
    "a time to come": {"nbf": NOW + 60},
    "a begin to come": {"iat": NOW + 60},
    "neither session nor token": {"jti": None},
    "an empty session": {"sid": ""},
    "a session that is a number": {"sid": 7},
    "the type of an ID token": {"typ": "ID"},
    "the type of a refresh token": {"typ": "Refresh"},
    "a type that is a list": {"typ": ["access"]},
    "no issuer": {"iss": None},
    "an issuer that nobody trusts": {"iss": "https://evil.example"},
    "another issuer that is trusted": {"iss": OTHER_IDP},
    "an issuer that is a list": {"iss": [IDP]},
}


@pytest.mark.parametrize("claims", REFUSED.values(), ids=REFUSED.keys())
def test_a_token_may_not_say(claims: Members, reader: AccessReader) -> None:
    token = token_of(**claims)

    with pytest.raises(TokenInvalid):
        reader.read(token, None, now=NOW)


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "ES384"},
        {"typ": "dpop+jwt"},
        {"typ": 7},
        {"crit": []},
        {"crit": ["b64"], "b64": False},
        {"b64": False},
        {"kid": "RS256"},
        {"kid": "../../dev/null"},
    ],
    ids=repr,
)
def test_a_header_may_not_say(header: Members, reader: AccessReader) -> None:
    payload = decoded(token_of().split(".")[1])
    token = signed_by("ES256", {"alg": "ES256", "kid": "ES256", **header}, payload)

    with pytest.raises(TokenInvalid):
        reader.read(token, None, now=NOW)


def test_a_token_gives_neither_role_nor_organization(reader: AccessReader) -> None:
    claims = reader.read(
        token_of(role="operator", org=[str(ACME)], sid=str(SESSION)), None, now=NOW
    )

    assert (claims.role, claims.org_ids) == ("user", ())
    assert claims.session_id != SESSION


def test_the_tokens_of_one_session_have_one_session(reader: AccessReader) -> None:
    first = reader.read(token_of(sid="s-1", jti="1"), None, now=NOW)
    second = reader.read(token_of(sid="s-1", jti="2"), None, now=NOW)

    assert first.session_id == second.session_id


def test_a_token_whose_time_is_over_says_so(reader: AccessReader) -> None:
    with pytest.raises(TokenExpired):
        reader.read(token_of(), None, now=NOW + 3605)


@pytest.mark.parametrize("kind", PAIRS)
def test_a_public_key_is_no_secret(kind: str, reader: AccessReader) -> None:
    header = encoded({"alg": "HS384", "typ": "JWT", "kid": kind})
    payload = token_of().split(".")[1]
    forged = signed(header, payload, key=public_half(pem_of(kind)))

    with pytest.raises(TokenInvalid):
        reader.read(forged, None, now=NOW)


def test_a_key_that_nobody_knows_is_asked_for_and_refused_meanwhile(
    reader: AccessReader, keys: Keys
) -> None:
    token = token_of("EdDSA")
    keys.publish("ES256")
    with pytest.raises(TokenInvalid):
        reader.read(token, None, now=NOW)

    keys.publish("ES256", "EdDSA")

    assert reader.read(token, None, now=NOW).user_id == ADA
    assert keys.asked == 1


def test_a_token_has_to_be_meant_for_what_is_asked_for(reader: AccessReader) -> None:
    both = token_of(aud=[OURS, "billing"])

    assert reader.read(both, "billing", now=NOW).user_id == ADA
    with pytest.raises(TokenInvalid):
        reader.read(token_of(), "billing", now=NOW)


def test_a_start_fetches_the_keys_that_requests_need(published: Published) -> None:
    fetch_foreign_keys(within=60)

    assert read_access(token_of(now=int(time.time()))).user_id == ADA


def test_a_key_that_was_taken_back_is_refused_at_once(published: Published) -> None:
    fetch_foreign_keys(within=60)
    token = token_of(now=int(time.time()))
    read_access(token)
    published.keys = []

    fetching._by_url[KEYS_URL].refresh()

    with pytest.raises(TokenInvalid):
        read_access(token)


def test_nobody_speaks_in_our_name(published: Published) -> None:
    fetch_foreign_keys(within=60)
    token = token_of(now=int(time.time()), iss=OURS)

    with pytest.raises(TokenInvalid):
        read_access(token)


@pytest.mark.parametrize(
    ("audience", "meant_for"),
    [("", OURS), ("payroll", "payroll")],
    ids=["ours", "its own"],
)
def test_tokens_are_meant_for_us_unless_the_setting_says_for_whom(
    audience: str, meant_for: str, settings: Settings
) -> None:
    settings.PUBLIC_URL = OURS
    settings.JWT_ISSUERS = {IDP: (KEYS_URL, audience)}

    assert foreign_issuers()[IDP].audiences == {meant_for}


@pytest.mark.parametrize(
    ("issuer", "url", "said"),
    [
        (IDP, "http://login.example.com/keys", "must come from https://"),
        ("http://testserver", "https://x/keys", "PUBLIC_URL"),
    ],
)
def test_an_issuer_that_is_unsafe_is_refused(
    issuer: str, url: str, said: str, settings: Settings
) -> None:
    settings.PUBLIC_URL = "http://testserver"
    settings.JWT_ISSUERS = {issuer: (url, "")}

    with pytest.raises(ImproperlyConfigured, match=said):
        foreign_issuers()


def test_keys_may_come_unencrypted_on_a_developers_machine(settings: Settings) -> None:
    settings.PROFILE = "local"
    settings.JWT_ISSUERS = {IDP: ("http://127.0.0.1:9/keys", "")}

    assert list(foreign_issuers()) == [IDP]
