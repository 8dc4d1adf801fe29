"""A poisoned event: its key waits, in order, and no other does."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import (
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
)

from tests.failure_modes.log import assert_lossless_and_ordered, read_log
from tests.failure_modes.people import sign_up
from tests.failure_modes.system import System

ORGANIZATIONS = "opencore.org.v1"
# Four bytes each, so that its event is by far larger than that of a short name.
LONG_NAME = "🦉" * 100


@contextmanager
def largest_message(system: System, size: int) -> Iterator[None]:
    """Let Kafka refuse what is larger in the topic of organizations."""
    set_largest(system, str(size))
    try:
        yield
    finally:
        set_largest(system, str(1024 * 1024))


def set_largest(system: System, size: str) -> None:
    servers = system.environment["KAFKA_BOOTSTRAP_SERVERS"]
    resource = ConfigResource(
        ConfigResource.Type.TOPIC,
        ORGANIZATIONS,
        incremental_configs=[
            ConfigEntry(
                "max.message.bytes", size, incremental_operation=AlterConfigOpType.SET
            )
        ],
    )
    client = AdminClient({"bootstrap.servers": servers})
    client.incremental_alter_configs([resource])[resource].result(10)


def waiting_keys(system: System) -> list[str]:
    return list(
        system.sql("select coalesce(json_agg(distinct key), '[]') from outbox_event")
    )


def customer_of(system: System, org_id: str) -> int:
    return int(
        system.sql("select count(*) from billing_customer where org_id = %s", org_id)
    )


def test_at_the_relay_only_the_key_of_a_refused_event_waits(system: System) -> None:
    ada = sign_up(system)
    grace = sign_up(system)
    system.until_settled()

    with largest_message(system, 1100):
        poisoned = ada.open_organization(LONG_NAME)
        sound = ada.open_organization("Acme")
        ada.visitor.done("POST", f"/orgs/{poisoned}/members", {"user_id": grace.id})
        system.until(lambda: customer_of(system, sound) == 1, "the sound one is heard")
        system.until(
            lambda: system.sql(
                "select count(*) from outbox_hold where key = %s", poisoned
            ),
            "the key is held",
        )
        system.until(lambda: waiting_keys(system) == [poisoned], "no other key waits")
        assert customer_of(system, poisoned) == 0

    system.until_settled()
    system.until(lambda: customer_of(system, poisoned) == 1, "it is heard in the end")
    assert system.sql("select count(*) from outbox_dead_letter") == 0
    assert_lossless_and_ordered(system, read_log(system))


def test_what_a_consumer_cannot_read_is_put_aside_and_the_rest_goes_on(
    system: System,
) -> None:
    garbage = f"not an event {uuid4()}".encode()
    producer = Producer(
        {"bootstrap.servers": system.environment["KAFKA_BOOTSTRAP_SERVERS"]}
    )
    for partition in range(6):
        producer.produce(ORGANIZATIONS, garbage, key=b"nobody", partition=partition)
    assert producer.flush(10) == 0

    org = sign_up(system).open_organization()
    system.until(lambda: customer_of(system, org) == 1, "later events are handled")
    system.until(
        lambda: letters(system, garbage) == 6, "each is a dead letter of its reader"
    )

    system.manage(
        *("replay_deadletters", "--scope", "billing", "--topic", ORGANIZATIONS),
        *("--discard", "--execute", "--reason", "made by a test"),
    )
    assert (
        system.sql(
            "select count(*) from outbox_dead_letter"
            " where payload = %s and state = 'discarded'",
            garbage,
        )
        == 6
    )
    system.sql(
        "with gone as (delete from outbox_dead_letter where payload = %s returning 1)"
        " select count(*) from gone",
        garbage,
    )


def letters(system: System, payload: bytes) -> int:
    return int(
        system.sql(
            "select count(*) from outbox_dead_letter"
            " where payload = %s and reason = 'unreadable' and scope = 'billing'",
            payload,
        )
    )
