"""For whom a token is meant, and which organizations it names."""

from uuid import UUID

import pytest
from pytest_django import Settings

from opencore.tokens import TokenInvalid, mint_access, read_access
from tests.opencore.tokens.forging import (
    ACME,
    ADA,
    SESSION,
    access,
    changed,
    decoded,
    is_read,
    now,
)

MANY = tuple(UUID(int=number) for number in range(1, 23))


def token_for(*audience: str) -> str:
    return mint_access(
        user_id=ADA, session_id=SESSION, role="user", now=now(), audience=audience
    )


def payload_of(token: str) -> dict[str, object]:
    return decoded(token.split(".")[1])


def test_a_token_is_meant_for_what_the_settings_name(settings: Settings) -> None:
    settings.JWT_AUDIENCE = ["opencore", "billing"]

    assert payload_of(access())["aud"] == ["opencore", "billing"]


def test_a_token_is_meant_for_nobody_in_particular_without_such_a_setting() -> None:
    assert "aud" not in payload_of(access())


@pytest.mark.parametrize(
    ("meant_for", "asked_for"),
    [
        ((), None),
        (("opencore",), None),
        (("elsewhere", "opencore"), None),
        (("billing",), "billing"),
        (("opencore", "billing"), "billing"),
    ],
)
def test_a_token_passes_where_it_is_meant_for(
    meant_for: tuple[str, ...], asked_for: str | None, settings: Settings
) -> None:
    settings.JWT_AUDIENCE = ["opencore"]

    assert read_access(token_for(*meant_for), asked_for).user_id == ADA


@pytest.mark.parametrize(
    ("meant_for", "asked_for"),
    [
        (("billing",), None),
        ((), "billing"),
        (("opencore",), "billing"),
        (("opencore",), ""),
        (("Billing",), "billing"),
    ],
)
def test_a_token_is_refused_where_it_is_not_meant_for(
    meant_for: tuple[str, ...], asked_for: str | None, settings: Settings
) -> None:
    settings.JWT_AUDIENCE = ["opencore"]
    token = token_for(*meant_for)

    with pytest.raises(TokenInvalid):
        read_access(token, asked_for)


def test_a_token_that_was_read_for_one_is_still_refused_to_another() -> None:
    token = token_for("billing")
    read_access(token, "billing")

    with pytest.raises(TokenInvalid):
        read_access(token, "orgs")


@pytest.mark.parametrize(("letters", "good"), [(2700, True), (2800, False)])
def test_a_token_of_ours_that_is_too_long_is_refused_as_any_other(
    letters: int, good: bool
) -> None:
    name = "x" * letters
    token = token_for(name)

    assert (len(token) <= 4096) is good
    assert is_read(lambda: read_access(token, name)) is good


def test_an_audience_may_be_written_as_one_name(settings: Settings) -> None:
    settings.JWT_AUDIENCE = ["opencore"]
    token = changed(lambda _, claims: claims.update(aud="opencore"))

    assert read_access(token).user_id == ADA


@pytest.mark.parametrize(
    "audience",
    ["", [], [""], {}, {"opencore": 1}, 7, None, ["opencore", 7], [["opencore"]]],
    ids=repr,
)
def test_an_audience_that_is_no_name_is_refused(
    audience: object, settings: Settings
) -> None:
    settings.JWT_AUDIENCE = ["opencore"]
    token = changed(lambda _, claims: claims.update(aud=audience))

    with pytest.raises(TokenInvalid):
        read_access(token)


def test_a_token_names_the_organizations_of_its_bearer() -> None:
    token = mint_access(
        user_id=ADA, session_id=SESSION, role="user", now=now(), org_ids=[ACME]
    )

    assert read_access(token).org_ids == (ACME,)


def test_a_token_names_the_first_twenty_organizations_alone() -> None:
    token = mint_access(
        user_id=ADA, session_id=SESSION, role="user", now=now(), org_ids=MANY
    )

    assert read_access(token).org_ids == MANY[:20]


@pytest.mark.parametrize(
    "organizations",
    [
        *([], {}, None, str(ACME), [7], ["acme"], [None], [str(ACME).upper()]),
        [[str(ACME)]],
        [str(org_id) for org_id in MANY[:21]],
    ],
    ids=lambda named: repr(named)[:30],
)
def test_organizations_that_are_no_short_list_of_ids_are_refused(
    organizations: object,
) -> None:
    token = changed(lambda _, claims: claims.update(org=organizations))

    with pytest.raises(TokenInvalid):
        read_access(token)
