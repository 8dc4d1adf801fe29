"""What makes something can be repeated with a key, and needs none."""

import pytest

from accounts.models import Organization, User
from accounts.services import find_or_create_user
from tests.api import Api, body_of
from tests.authorization.asking import described
from tests.opencore.test_openapi import operations

MADE = {"201", "202"}
# Their answers are secrets, or they name what was made themselves.
NOT_REPEATABLE = {
    *("request_code", "create_api_key", "rotate_api_key"),
    *("verify_code", "add_authenticator", "begin_step_up"),
    *("make_recovery_codes", "start_impersonation"),
}


@pytest.fixture
def ada(db: None) -> Api:
    user: User = find_or_create_user(email="ada@example.com", actor_id=None)
    return Api(user.id)


def test_with_a_key_the_effect_is_there_once(ada: Api) -> None:
    first = ada.post("/v1/orgs", {"name": "Acme"}, key="one")
    second = ada.post("/v1/orgs", {"name": "Acme"}, key="one")

    assert (first.status_code, second.status_code) == (201, 201)
    assert body_of(first) == body_of(second)
    assert second["Idempotency-Replayed"] == "true"
    assert Organization.objects.count() == 1


def test_without_a_key_the_effect_is_there_each_time(ada: Api) -> None:
    ada.post("/v1/orgs", {"name": "Acme"})
    ada.post("/v1/orgs", {"name": "Acme"})

    assert Organization.objects.count() == 2


def test_what_makes_something_says_that_it_can_be_repeated() -> None:
    silent = {
        operation["operationId"]
        for name, operation in operations(described()).items()
        if name.startswith("post ")
        and MADE & operation["responses"].keys()
        and "Idempotency-Key"
        not in {each["name"] for each in operation.get("parameters", ())}
    }

    assert silent == NOT_REPEATABLE
