"""K1 to K8: what happens to Kafka, and to the way there."""

from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from random import Random

from tests.chaos.checker import Sighting
from tests.chaos.lab import Lab
from tests.chaos.observer import TOPIC, sightings_of
from tests.chaos.scenario import Extent, Scenario

RESETS = 8
FLAPS = 4
LOOKED_UP_WITHIN = 5.0
# Twice what the hasty relay waits.
NO_ANSWER_FOR = 2.0


def refused(lab: Lab, chance: Random, extent: Extent) -> None:
    lab.lines["kafka"].refuse()
    lab.pause(extent.seconds / 2)
    # One that never reached Kafka knows none of its topics.
    lab.kill_relay("relay")
    lab.launch("relay")
    lab.until_led(["relay"])
    lab.pause(extent.seconds / 2 + chance.uniform(0, LOOKED_UP_WITHIN))
    lab.lines["kafka"].open()


def reset(lab: Lab, chance: Random, extent: Extent) -> None:
    for _ in range(RESETS):
        lab.pause(chance.uniform(0, 2 * extent.seconds / RESETS))
        lab.lines["kafka"].reset()


def replies_lost(lab: Lab, _chance: Random, extent: Extent) -> None:
    for _ in range(2):
        lab.lines["kafka"].lose_replies()
        lab.pause(extent.seconds / 2)
        lab.lines["kafka"].reset()
        lab.lines["kafka"].open()


def silent(lab: Lab, _chance: Random, extent: Extent) -> None:
    lab.lines["kafka"].go_silent()
    lab.pause(extent.seconds)
    lab.lines["kafka"].open()


def hung(lab: Lab, _chance: Random, extent: Extent) -> None:
    lab.service("kafka").pause()
    lab.pause(extent.seconds)
    lab.service("kafka").resume()


def slow(lab: Lab, _chance: Random, extent: Extent) -> None:
    lab.lines["kafka"].slow_down(0.2)
    lab.pause(extent.seconds)
    lab.lines["kafka"].open()


def given_up_on(lab: Lab, chance: Random, extent: Extent) -> None:
    hung(lab, chance, extent)
    for _ in range(FLAPS):
        lab.pause(chance.uniform(0, 1))
        lab.lines["kafka"].lose_replies()
        lab.pause(NO_ANSWER_FOR)
        lab.lines["kafka"].reset()
        lab.lines["kafka"].open()


def emptied(lab: Lab, _chance: Random, extent: Extent) -> None:
    relay = lab.children["relay"]
    # Nothing may arrive between the last look at the log and its end.
    relay.pause()
    lab.pause(0.5)
    lab.keep_sightings()
    lab.kill_service("kafka")
    lab.forget_log()
    relay.resume()
    lab.start_service("kafka")
    lab.until(
        lambda: lab.sql("select count(*) from outbox_topic_pause") == 1,
        "the topic is paused",
    )
    lab.empty_until = datetime.now(UTC)
    lab.manage("create_topics")


def published_again(lab: Lab, keys: Collection[str]) -> str:
    """Publish what Kafka forgot; fail unless it then has all that is stored."""
    forgotten = lab.stored(keys) - _ids(sightings_of(lab, keys))
    lab.manage(
        *("replay_outbox", "--topic", TOPIC, "--until", lab.empty_until.isoformat()),
        *("--since", lab.sql(SINCE, list(keys)).isoformat(), "--rate", "10000"),
        *("--execute", "--reason", "Kafka lost its disk"),
    )
    lab.until_settled()
    missing = lab.stored(keys) - _ids(sightings_of(lab, keys))
    assert not missing, f"{len(missing)} of {len(forgotten)} events are still forgotten"
    return (
        f"Kafka forgot {len(forgotten):,} events with its disk; `manage.py"
        " replay_outbox` published them from the archive, and Kafka has all again"
    )


def _ids(sightings: Iterable[Sighting]) -> set[str]:
    return {sighting.write.event_id for sighting in sightings}


SINCE = "select min(delivered_at) from outbox_archive where key = any(%s)"
SCENARIOS = (
    Scenario(
        id="K1",
        sentence=(
            "Kafka refuses connections and resets those it has; a relay starts"
            " meanwhile."
        ),
        fault=refused,
    ),
    Scenario(
        id="K2",
        sentence=f"Connections to Kafka are reset {RESETS} times.",
        fault=reset,
    ),
    Scenario(
        id="K3",
        sentence="Kafka's answers are lost, then the connections; twice.",
        fault=replies_lost,
    ),
    Scenario(
        id="K4",
        sentence="The way to Kafka is a black hole: nothing arrives, nobody is told.",
        fault=silent,
    ),
    Scenario(id="K5", sentence="Kafka hangs (SIGSTOP, SIGCONT).", fault=hung),
    Scenario(
        id="K6",
        sentence="Everything takes 200 ms longer on the way to Kafka and back.",
        fault=slow,
    ),
    Scenario(
        id="K7",
        sentence=(
            "Kafka hangs, then loses answers four times, and the relay gives up on"
            " each batch after one second instead of thirty."
        ),
        fault=given_up_on,
        processes=("hasty relay",),
    ),
    Scenario(
        id="K8",
        sentence=(
            "Kafka is killed, its disk erased, and it comes back without a topic;"
            " `manage.py create_topics` makes them anew. Delivered counts what was"
            " read before, too."
        ),
        fault=emptied,
        proof=published_again,
    ),
)
