"""At the gateway and at the API, a token of a trusted issuer is as good as ours."""

import time

import pytest
from django.http.response import HttpResponseBase
from django.test import Client

from accounts.services import find_or_create_user
from opencore.tokens import fetch_foreign_keys
from tests.api import body_of
from tests.opencore.tokens.idp import token_of
from tests.opencore.tokens.publisher import Published

# The gateway calls the API with a connection of its own.
pytestmark = pytest.mark.django_db(transaction=True)
DOORS = ["/users/me", "/v1/users/me"]


def ask(path: str, **claims: object) -> HttpResponseBase:
    token = token_of("ES256", now=int(time.time()), **claims)
    return Client().get(path, headers={"Authorization": f"Bearer {token}"})


@pytest.mark.parametrize("path", DOORS)
def test_it_opens_the_door_to_a_user_of_ours(path: str, published: Published) -> None:
    fetch_foreign_keys(within=60)
    ada = find_or_create_user(email="ada@example.com", actor_id=None)

    answer = ask(path, sub=str(ada.id))

    assert answer.status_code == 200
    assert body_of(answer)["id"] == str(ada.id)


@pytest.mark.parametrize("path", DOORS)
def test_it_opens_no_door_to_a_stranger(path: str, published: Published) -> None:
    fetch_foreign_keys(within=60)

    answer = ask(path, sub="01a20d8f-d1e5-7ce6-9779-fa435485c222")

    assert answer.status_code == 401
    assert body_of(answer)["code"] == "token_invalid"
