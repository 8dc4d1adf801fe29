"""Redis is down: no request fails, limits hold in each process, events still flow."""

from collections.abc import Iterator
from uuid import uuid4

import pytest

from tests.failure_modes.conftest import BURST, StrictGateway
from tests.failure_modes.people import Person, sign_up
from tests.failure_modes.system import Answer, System


@pytest.fixture(autouse=True)
def _codes_are_given_out_again(system: System) -> Iterator[None]:
    """Leave to the next test a gateway that has found Redis again."""
    yield
    system.until(lambda: ask_for_a_code(system).status == 202, "codes are given out")


def ask_for_a_code(system: System) -> Answer:
    email = f"{uuid4().hex}@example.com"
    return system.visitor().ask("POST", "/auth/otp", {"email": email})


def customers_of(system: System, ada: Person) -> int:
    return int(
        system.sql("select count(*) from billing_customer where user_id = %s", ada.id)
    )


@pytest.mark.parametrize("hung", [False, True], ids=["killed", "hung"])
def test_no_request_fails_and_events_still_flow(system: System, hung: bool) -> None:
    ada = sign_up(system)
    with system.without("redis", hung=hung):
        visitor = system.visitor()
        system.until(
            lambda: visitor.ask("GET", "/readyz").body["status"] == "degraded",
            "readiness tells of it",
        )
        ada.pay(1999)
        ada.open_organization()
        answers = [ada.visitor.ask("GET", "/users/me") for _ in range(50)]
        system.until(lambda: customers_of(system, ada) == 1, "the customer is opened")
        system.until_settled()

    assert {answer.status for answer in answers} == {200}


def test_codes_wait_for_redis_and_no_longer(system: System) -> None:
    with system.without("redis", hung=False):
        system.until(lambda: ask_for_a_code(system).status == 429, "codes wait")
        asked = ask_for_a_code(system)
        told = system.visitor().ask(
            "POST", "/auth/otp/verify", {"challenge_id": str(uuid4()), "code": "1" * 8}
        )

    assert [one.body["code"] for one in (asked, told)] == ["rate_limited"] * 2
    assert asked.headers["Retry-After"] == "1"
    system.until(lambda: ask_for_a_code(system).status == 202, "they wait no longer")


@pytest.mark.parametrize("hung", [False, True], ids=["killed", "hung"])
def test_limits_hold_within_the_process(
    system: System, strict: StrictGateway, hung: bool
) -> None:
    strict.visitor.token = sign_up(system).visitor.token
    with system.without("redis", hung=hung):
        system.until(
            lambda: strict.visitor.ask("GET", "/readyz").body["status"] == "degraded",
            "its readiness tells of it",
        )
        statuses = [
            strict.visitor.ask("GET", "/users/me").status for _ in range(BURST + 10)
        ]

    assert statuses.count(200) == BURST
    assert statuses.count(429) == 10
