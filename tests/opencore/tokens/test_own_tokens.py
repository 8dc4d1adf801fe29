"""What may pass for one of our tokens: nothing but one of our tokens."""

import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from pytest_django import Settings

from opencore.claims import AccessClaims, RefreshClaims
from opencore.tokens import (
    TokenExpired,
    TokenInvalid,
    kid_of,
    mint_access,
    mint_refresh,
    read_access,
    read_refresh,
)
from tests.opencore.tokens.forging import (
    ADA,
    OTHER_KEY,
    SESSION,
    Change,
    access,
    base64,
    changed,
    decoded,
    encoded,
    header_of,
    now,
    other_letter,
    refresh,
    signed,
)


def test_what_was_minted_for_access_is_read() -> None:
    moment = now()
    token = mint_access(user_id=ADA, session_id=SESSION, role="operator", now=moment)

    begin = moment.replace(microsecond=0)
    assert read_access(token) == AccessClaims(
        user_id=ADA,
        session_id=SESSION,
        role="operator",
        issued_at=begin,
        expires_at=begin + settings.ACCESS_TOKEN_LIFETIME,
        key_id=kid_of(settings.JWT_SIGNING_KEY),
    )


def test_what_was_minted_for_a_refresh_is_read() -> None:
    moment = now()
    token = mint_refresh(user_id=ADA, session_id=SESSION, generation=3, now=moment)

    until = moment.replace(microsecond=0) + settings.REFRESH_TOKEN_LIFETIME
    assert read_refresh(token) == RefreshClaims(
        user_id=ADA, session_id=SESSION, generation=3, expires_at=until
    )


def test_a_token_of_another_kind_is_refused() -> None:
    with pytest.raises(TokenInvalid):
        read_access(refresh())
    with pytest.raises(TokenInvalid):
        read_refresh(access())


def test_a_token_whose_time_is_over_says_so() -> None:
    old = now() - settings.ACCESS_TOKEN_LIFETIME - timedelta(seconds=10)

    with pytest.raises(TokenExpired):
        read_access(mint_access(user_id=ADA, session_id=SESSION, role="user", now=old))


def test_a_name_of_a_key_tells_nothing_of_the_key() -> None:
    name = header_of(access())["kid"]

    assert name == kid_of(settings.JWT_SIGNING_KEY)
    assert name not in settings.JWT_SIGNING_KEY
    assert len(name) == 12


def test_a_token_of_the_previous_key_is_read_while_the_key_is_kept(
    settings: Settings,
) -> None:
    old_access, old_refresh = access(), refresh()
    settings.JWT_PREVIOUS_SIGNING_KEYS = [settings.JWT_SIGNING_KEY]
    settings.JWT_PREVIOUS_REFRESH_SIGNING_KEYS = [settings.JWT_REFRESH_SIGNING_KEY]
    settings.JWT_SIGNING_KEY = OTHER_KEY
    settings.JWT_REFRESH_SIGNING_KEY = OTHER_KEY + "-refresh"

    assert read_access(old_access).user_id == ADA
    assert read_refresh(old_refresh).generation == 3
    assert read_access(access()).user_id == ADA
    assert header_of(access())["kid"] == kid_of(OTHER_KEY)


def test_a_token_of_a_key_that_is_to_come_is_read_already(
    settings: Settings,
) -> None:
    first_key, settings.JWT_SIGNING_KEY = settings.JWT_SIGNING_KEY, OTHER_KEY
    early = access()
    settings.JWT_SIGNING_KEY = first_key
    settings.JWT_PREVIOUS_SIGNING_KEYS = [OTHER_KEY]

    assert read_access(early).user_id == ADA


def test_a_token_of_a_key_that_was_dropped_is_refused(
    settings: Settings,
) -> None:
    old = access()
    settings.JWT_SIGNING_KEY = OTHER_KEY

    with pytest.raises(TokenInvalid):
        read_access(old)


def test_a_key_of_one_kind_is_no_key_of_the_other(settings: Settings) -> None:
    settings.JWT_PREVIOUS_REFRESH_SIGNING_KEYS = [OTHER_KEY]
    settings.JWT_SIGNING_KEY, first_key = OTHER_KEY, settings.JWT_SIGNING_KEY
    forged = access()
    settings.JWT_SIGNING_KEY = first_key

    with pytest.raises(TokenInvalid):
        read_access(forged)


@pytest.mark.parametrize("name", ["JWT_SIGNING_KEY", "JWT_PREVIOUS_SIGNING_KEYS"])
def test_an_empty_key_stops_everything(name: str, settings: Settings) -> None:
    token = access()
    setattr(settings, name, "" if name == "JWT_SIGNING_KEY" else [""])

    with pytest.raises(ImproperlyConfigured):
        read_access(token)


def _header(**members: object) -> Change:
    return lambda header, _: header.update(members)


def _claim(**members: object) -> Change:
    return lambda _, payload: payload.update(members)


def _without(name: str) -> Change:
    return lambda header, payload: header.pop(name, None) or payload.pop(name)


YEARS = 10 * 365 * 24 * 3600
REWRITTEN = {
    "alg none": _header(alg="none"),
    "alg nOnE": _header(alg="nOnE"),
    "alg HS256": _header(alg="HS256"),
    "alg HS512": _header(alg="HS512"),
    "alg RS256": _header(alg="RS256"),
    "alg is a list": _header(alg=["HS384"]),
    "no alg": _without("alg"),
    "another typ": _header(typ="at+jwt"),
    "kid unknown": _header(kid="unknown"),
    "kid is a number": _header(kid=7),
    "kid is a list": _header(kid=["x"]),
    "kid is null": _header(kid=None),
    "kid is a path": _header(kid="../../dev/null"),
    "kid is SQL": _header(kid="' or 1=1 --"),
    "kid is empty": _header(kid=""),
    "no kid": _without("kid"),
    "crit": _header(crit=["exp"]),
    "b64 false": _header(b64=False),
    "jku": _header(jku="https://evil.example/keys"),
    "jwk": _header(jwk={"kty": "oct", "k": "AAAA"}),
    "x5u": _header(x5u="https://evil.example/cert"),
    "exp in ten years": lambda _, claims: claims.update(exp=claims["exp"] + YEARS),
    "exp is text": lambda _, claims: claims.update(exp=str(claims["exp"])),
    "exp is a fraction": lambda _, claims: claims.update(exp=claims["exp"] + 0.5),
    "exp is infinite": _claim(exp=float("inf")),
    "exp is null": _claim(exp=None),
    "exp before iat": lambda _, claims: claims.update(iat=claims["exp"] + 1),
    "iat to come": lambda _, claims: claims.update(iat=claims["iat"] + 300),
    "no exp": _without("exp"),
    "no iat": _without("iat"),
    "no sub": _without("sub"),
    "no jti": _without("jti"),
    "no sid": _without("sid"),
    "no iss": _without("iss"),
    "no role": _without("role"),
    "sub is a number": _claim(sub=7),
    "sub holds NUL": _claim(sub=f"{ADA}\0"),
    "sub is no id": _claim(sub="ada"),
    "sub in capitals": _claim(sub=str(ADA).upper()),
    "sub in braces": _claim(sub=f"{{{ADA}}}"),
    "sid is no id": _claim(sid="s"),
    "iss of another": _claim(iss="https://evil.example"),
    "iss is a list": _claim(iss=["http://testserver"]),
    "an audience": _claim(aud="somebody"),
    "a role of none": _claim(role="root"),
    "a role in a list": _claim(role=["operator"]),
    "typ refresh": _claim(typ="refresh"),
    "a claim too many": _claim(admin=True),
    "nbf to come": lambda _, claims: claims.update(nbf=claims["exp"]),
}


@pytest.mark.parametrize("change", REWRITTEN.values(), ids=REWRITTEN.keys())
def test_a_rightly_signed_token_that_says_other_things_is_refused(
    change: Change,
) -> None:
    token = changed(change)

    with pytest.raises(TokenInvalid):
        read_access(token)


def test_a_token_that_was_only_taken_apart_is_still_read() -> None:
    assert read_access(changed(lambda _, __: None)).user_id == ADA


def _parts() -> tuple[str, str, str]:
    header, payload, signature = access().split(".")
    return header, payload, signature


def _edited_claims() -> str:
    header, payload, signature = _parts()
    return f"{header}.{encoded(decoded(payload) | {'role': 'operator'})}.{signature}"


def _doubled(name: str, value: object) -> str:
    header, payload, _ = _parts()
    text = json.dumps(decoded(payload))[:-1] + f', "{name}": {json.dumps(value)}}}'
    return signed(header, base64(text.encode()))


def _deep(part: int) -> str:
    parts = list(_parts())
    parts[part] = base64(b"[" * 2000 + b"]" * 2000)
    return signed(parts[0], parts[1])


CRAFTED: dict[str, Callable[[], str]] = {
    "nothing": lambda: "",
    "dots": lambda: "..",
    "one part": lambda: "x",
    "two parts": lambda: ".".join(_parts()[:2]),
    "four parts": lambda: f"{access()}.x",
    "no signature": lambda: ".".join([*_parts()[:2], ""]),
    "a signature of another key": lambda: signed(*_parts()[:2], key=OTHER_KEY),
    "a signature of no key": lambda: signed(*_parts()[:2], key=""),
    "a truncated signature": lambda: access()[:-4],
    "a padded signature": lambda: access() + "=",
    "a signature with a line's end": lambda: access() + "\n",
    "edited claims": _edited_claims,
    "bad base64": lambda: signed("!!!!", _parts()[1]),
    "a header that is no JSON": lambda: signed(base64(b"{"), _parts()[1]),
    "a payload that is no JSON": lambda: signed(_parts()[0], base64(b"{")),
    "a payload that is a list": lambda: signed(_parts()[0], encoded([1])),
    "a header that is a list": lambda: signed(encoded([1]), _parts()[1]),
    "a deep header": lambda: _deep(0),
    "a deep payload": lambda: _deep(1),
    "a role twice": lambda: _doubled("role", "operator"),
    "the same role twice": lambda: _doubled("role", "user"),
    "an end twice": lambda: _doubled("exp", 4_000_000_000),
    "a letter that is not ASCII": lambda: access() + "\u00e9",
    "a token of a megabyte": lambda: access() + "A" * 1_000_000,
    "just above the limit": lambda: access().ljust(4097, "A"),
    "another signature": lambda: other_letter(access(), -1),
}


@pytest.mark.parametrize("craft", CRAFTED.values(), ids=CRAFTED.keys())
def test_a_crafted_token_is_refused(craft: Callable[[], str]) -> None:
    token = craft()

    with pytest.raises(TokenInvalid):
        read_access(token)
