"""Redis is down: no request fails, limits hold in each process, events still flow."""

from uuid import uuid4

import pytest

from tests.failure_modes.conftest import BURST, StrictGateway
from tests.failure_modes.people import Person, sign_up
from tests.failure_modes.system import System


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
    visitor = system.visitor()
    with system.without("redis", hung=False):
        system.until(
            lambda: visitor.ask("GET", "/readyz").body["status"] == "degraded",
            "readiness tells of it",
        )
        asked = visitor.ask("POST", "/auth/otp", {"email": "ada@example.com"})
        told = visitor.ask(
            "POST", "/auth/otp/verify", {"challenge_id": str(uuid4()), "code": "1" * 8}
        )

    assert [(one.status, one.body["code"]) for one in (asked, told)] == [
        (429, "rate_limited")
    ] * 2
    assert asked.headers["Retry-After"] == "1"
    assert sign_up(system).visitor.ask("GET", "/users/me").status == 200


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
