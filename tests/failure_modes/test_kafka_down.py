"""Kafka is down: writes go on, and every event arrives later, in order, once."""

import pytest

from opencore.localservices.places import answers
from tests.failure_modes.log import assert_lossless_and_ordered, read_log
from tests.failure_modes.people import sign_up
from tests.failure_modes.system import System

PEOPLE = 5


def customers_of(system: System, ids: list[str]) -> int:
    return int(
        system.sql(
            "select count(*) from billing_customer where user_id = any(%s::uuid[])", ids
        )
    )


def welcomes_of(system: System, ids: list[str]) -> int:
    return int(
        system.sql(
            "select count(*) from notifications_notification"
            " where type = 'welcome' and user_id = any(%s::uuid[])",
            ids,
        )
    )


@pytest.mark.parametrize("hung", [False, True], ids=["killed", "hung"])
def test_writes_go_on_and_their_events_arrive_when_kafka_is_back(
    system: System, hung: bool
) -> None:
    with system.without("kafka", hung=hung):
        port = int(system.environment["KAFKA_BOOTSTRAP_SERVERS"].rpartition(":")[2])
        assert answers(port) is hung
        people = [sign_up(system) for _ in range(PEOPLE)]
        ids = [person.id for person in people]
        for person in people:
            person.pay(1999)
            person.open_organization()
        assert system.sql("select count(*) from outbox_event") >= 5 * PEOPLE
        assert welcomes_of(system, ids) == 0

    system.until_settled()
    system.until(lambda: customers_of(system, ids) == PEOPLE, "customers are open")
    system.until(lambda: welcomes_of(system, ids) == PEOPLE, "all are welcomed")
    assert_lossless_and_ordered(system, read_log(system))


def test_an_outage_counts_no_attempt_and_makes_no_dead_letter(system: System) -> None:
    visitor = system.visitor()
    attempts = system.sql("select count(*) from outbox_attempt where scope = 'relay'")
    with system.without("kafka"):
        sign_up(system)
        log = system.children["relay"].log
        worker = system.children["outbox-worker"].log
        told = "kafka does not answer; events wait"
        system.until(
            lambda: told in log.read_text("utf-8") + worker.read_text("utf-8"),
            "a relay says that it waits",
        )
        assert system.sql("select max(attempts) from outbox_event") == 0
        system.until(
            lambda: visitor.ask("GET", "/readyz").body["status"] == "degraded",
            "readiness tells of it",
        )
        ready = visitor.ask("GET", "/readyz")

    system.until_settled()
    assert system.sql("select count(*) from outbox_dead_letter") == 0
    assert (
        system.sql("select count(*) from outbox_attempt where scope = 'relay'")
        == attempts
    )
    assert (ready.status, ready.body["status"]) == (200, "degraded")
    assert ready.body["checks"] == {"redis": "up", "kafka": "down"}
