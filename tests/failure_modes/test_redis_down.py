"""Redis is down: no request fails, limits hold in each process, events still flow."""

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
    with system.without("redis", hung=hung):
        visitor = system.visitor()
        system.until(
            lambda: visitor.ask("GET", "/readyz").body["status"] == "degraded",
            "readiness tells of it",
        )
        ada = sign_up(system)
        ada.pay(1999)
        ada.open_organization()
        answers = [ada.visitor.ask("GET", "/users/me") for _ in range(50)]
        system.until(lambda: customers_of(system, ada) == 1, "the customer is opened")
        system.until_settled()

    assert {answer.status for answer in answers} == {200}


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
