"""A worker is killed in the middle of a replay: another goes on, nothing is twice."""

from collections.abc import Iterator
from uuid import uuid4

import pytest

from tests.failure_modes.people import Person, operator_of
from tests.failure_modes.system import System

REPLAYS = "/v1/ops/eventing/replays"
LETTERS = 60
WORKER = "worker"


@pytest.fixture
def reason(system: System) -> Iterator[str]:
    """Of what sixty dead letters died, that nothing waits behind."""
    reason = uuid4().hex
    assert system.sql(BURY, reason, LETTERS) == LETTERS
    yield reason
    system.sql(FORGET, reason)


def decide(grace: Person, reason: str) -> str:
    """Let the letters be given up, slowly; return which operation does it."""
    planned = grace.visitor.done(
        "POST",
        REPLAYS,
        {"selection": {"reason": reason}, "action": "discard", "rate": 20},
    )
    begun = grace.visitor.done(
        "POST",
        REPLAYS,
        {"plan_token": planned["plan_token"], "reason": "test data"},
        Idempotency_Key=uuid4().hex,
    )
    return str(begun["id"])


def done(system: System, operation_id: str) -> int:
    return int(system.sql("select done from outbox_replay where id = %s", operation_id))


def state(system: System, operation_id: str) -> str:
    return str(
        system.sql("select state from outbox_replay where id = %s", operation_id)
    )


def test_another_worker_goes_on_with_a_replay(system: System, reason: str) -> None:
    grace = operator_of(system)
    operation_id = decide(grace, reason)
    system.until(lambda: done(system, operation_id) >= 3, "the replay began")

    system.kill(WORKER)
    left = done(system, operation_id)
    system.launch(WORKER)
    system.until(lambda: state(system, operation_id) == "done", "the replay is done")

    assert left < LETTERS
    assert done(system, operation_id) == LETTERS
    assert system.sql(DISCARDED, reason) == LETTERS


def test_a_replay_that_is_canceled_without_a_worker_never_begins(
    system: System, reason: str
) -> None:
    grace = operator_of(system)
    system.kill(WORKER)
    operation_id = decide(grace, reason)

    canceled = grace.visitor.done("POST", f"{REPLAYS}/{operation_id}/cancel")
    system.launch(WORKER)
    later = decide(grace, reason)
    system.until(lambda: state(system, later) == "done", "the later replay is done")

    assert (canceled["state"], canceled["canceled_by"]) == ("canceled", grace.id)
    assert (state(system, operation_id), done(system, operation_id)) == ("canceled", 0)
    assert done(system, later) == LETTERS


BURY = """
with made as (
    insert into outbox_dead_letter
        (id, scope, type, topic, key, payload, attempts, reason, error, state,
         resolved_by, resolved_reason, replay_count, holds_key, event_id, occurred_at)
    select gen_random_uuid(), 'relay', '', 'opencore.user.v1', n::text, '', 8, %s,
           'too large', 'waiting', '', '', 0, false, gen_random_uuid(), now()
    from generate_series(1, %s) as n
    returning 1
)
select count(*) from made
"""

FORGET = """
with gone as (delete from outbox_dead_letter where reason = %s returning 1)
select count(*) from gone
"""

DISCARDED = """
select count(*) from outbox_dead_letter
where reason = %s and state = 'discarded' and replay_count = 0
"""
