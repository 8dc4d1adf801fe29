"""A process is killed between two steps: nothing is lost, effects happen once."""

from concurrent.futures import Future, ThreadPoolExecutor, wait

import pytest

from opencore.localservices.parts import PYTHON
from opencore.localservices.places import answers
from tests.failure_modes.log import assert_lossless_and_ordered, read_log
from tests.failure_modes.people import Person, sign_up
from tests.failure_modes.system import (
    API,
    CONSUMERS,
    KILLED,
    OUTBOX_WORKER,
    RELAY,
    System,
)

RELAYS = (RELAY, OUTBOX_WORKER)
SIGN_UPS = 400
CROWD = 8


def die_at(system: System, steps: dict[str, tuple[str, ...]]) -> None:
    """Run the commands, and fail unless each was killed at its step."""
    children = {
        step: system.run(
            step, PYTHON, "-m", "tests.failure_modes.dying", step, *command
        )
        for step, command in steps.items()
    }
    for step, child in children.items():
        system.until(lambda child=child: not child.running, f"killed: {step}")  # type: ignore[misc]  # -- mypy can't infer a lambda with a default
        assert child.status == KILLED, child.tail(20)
        del system.children[step]


def effects(system: System, ids: list[str]) -> tuple[int, int, int]:
    """Return how many users, customers and welcomes these people have."""
    return tuple(
        system.sql(query, ids)
        for query in (
            "select count(*) from accounts_user where id = any(%s::uuid[])",
            "select count(*) from billing_customer where user_id = any(%s::uuid[])",
            "select count(*) from notifications_notification"
            " where type = 'welcome' and user_id = any(%s::uuid[])",
        )
    )


def until_told(system: System, ids: list[str]) -> None:
    """Return when all have their customer and their welcome."""
    whole = (len(ids),) * 3
    system.until(lambda: effects(system, ids) == whole, f"{len(ids)} are told")


@pytest.mark.parametrize(
    "step", ["before the first is sent", "sent but not recorded", "recorded"]
)
def test_a_relay_that_is_killed_loses_and_repeats_nothing(
    system: System, step: str
) -> None:
    system.kill(*RELAYS)
    ids = [sign_up(system).id for _ in range(3)]

    die_at(system, {step: ("outbox_relay",)})
    for name in RELAYS:
        system.launch(name)

    until_told(system, ids)
    system.until_settled()
    assert effects(system, ids) == (3, 3, 3)
    assert_lossless_and_ordered(system, read_log(system))


@pytest.mark.parametrize(
    ("billing", "notifications"),
    [
        ("before the handler", "handled but not committed"),
        ("committed but not noted", "noted"),
    ],
)
def test_a_consumer_that_is_killed_has_each_effect_once(
    system: System, billing: str, notifications: str
) -> None:
    system.end(*CONSUMERS)
    ids = [sign_up(system).id for _ in range(3)]

    die_at(
        system,
        {
            billing: ("consume_events", "--group", "billing"),
            notifications: ("consume_events", "--group", "notifications"),
        },
    )
    for name in CONSUMERS:
        system.launch(name)

    until_told(system, ids)
    system.until_settled()
    assert effects(system, ids) == (3, 3, 3)
    assert customers_told_of(system, ids) == 3


def test_a_worker_that_is_killed_in_its_turn_is_replaced(system: System) -> None:
    system.kill(RELAY)
    system.until(lambda: owned(system) == 16, "Celery's worker holds all lanes")

    system.kill(OUTBOX_WORKER)
    ada = sign_up(system)
    system.launch(OUTBOX_WORKER)

    until_told(system, [ada.id])
    assert effects(system, [ada.id]) == (1, 1, 1)
    system.launch(RELAY)


def test_while_processes_are_killed_a_crowd_signs_up_and_each_is_told_once(
    system: System,
) -> None:
    with ThreadPoolExecutor(CROWD) as threads:
        joining = [threads.submit(sign_up, system) for _ in range(SIGN_UPS)]
        killed = kill_in_turn(system, while_running=joining[-1])
        ids = [person.result().id for person in joining]
    assert killed >= 8

    until_told(system, ids)
    system.until_settled()
    assert effects(system, ids) == (SIGN_UPS,) * 3
    mails = system.sql(
        "select count(*) from notifications_delivery d"
        " join accounts_user u on u.email = d.address"
        " where d.type = 'welcome' and u.id = any(%s::uuid[])",
        ids,
    )
    assert mails == SIGN_UPS
    assert system.sql("select count(*) from outbox_dead_letter") == 0
    assert_lossless_and_ordered(system, read_log(system))


def customers_told_of(system: System, ids: list[str]) -> int:
    """Return how many events tell that a customer of these people was opened."""
    return int(
        system.sql(
            "select count(*) from outbox_archive"
            " where type = 'opencore.billing.v1.customer-created'"
            " and convert_from(payload, 'UTF8')::jsonb -> 'data' ->> 'user_id'"
            " = any(%s)",
            ids,
        )
    )


def kill_in_turn(system: System, *, while_running: Future[Person]) -> int:
    """Kill and replace relay, workers and consumers meanwhile; count the kills.

    From this thread: processes end with the thread that started them.
    """
    killed = 0
    while not while_running.done():
        wait([while_running], timeout=0.7)
        # A killed consumer's partitions rest for ten seconds; each is killed once.
        late = RELAYS[killed % 2]
        name = (*RELAYS, *CONSUMERS)[killed] if killed < 4 else late
        system.kill(name)
        system.launch(name)
        killed += 1
    return killed


def owned(system: System) -> int:
    return int(
        system.sql(
            "select count(*) from outbox_lane where lease_until > now() and owner <> ''"
        )
    )


def test_the_api_is_killed_and_what_it_answered_stays(system: System) -> None:
    ada = sign_up(system)

    system.kill(API)
    system.launch(API)
    system.until(lambda: answers(system.port), "the API answers")

    assert ada.visitor.ask("GET", "/users/me").body["id"] == ada.id
