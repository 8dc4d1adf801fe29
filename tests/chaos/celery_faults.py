"""C1 to C4: what happens to Celery, to Redis, and to consumers."""

import signal
from collections.abc import Callable, Collection
from random import Random

from redis import Redis

from tests.chaos.lab import Lab
from tests.chaos.observer import pass_over
from tests.chaos.scenario import Extent, Scenario
from tests.failure_modes.system import OUTBOX_WORKER

BEATS = ("beat", "second beat")
CONSUMERS = ("notifications-consumer", "second consumer")
SIGNALS = (signal.SIGTERM, signal.SIGQUIT, signal.SIGKILL)
# Longer than a consumer's session (10 s).
AWAY_FOR = 12.0


def worker_ended(lab: Lab, chance: Random, _extent: Extent) -> None:
    for number in SIGNALS:
        lab.until_led([OUTBOX_WORKER])
        lab.pause(chance.uniform(0, 1))
        worker = lab.children[OUTBOX_WORKER]
        worker.ask_to_end(number)
        lab.until(lambda worker=worker: not worker.running, f"{number.name} ends it")  # type: ignore[misc]  # -- mypy can't infer a lambda with a default
        lab.launch(OUTBOX_WORKER)


def beats_killed(lab: Lab, _chance: Random, extent: Extent) -> None:
    lab.kill(BEATS[0])
    lab.pause(extent.seconds / 2)
    lab.lines["redis"].refuse()
    lab.pause(extent.seconds)
    lab.lines["redis"].open()
    lab.launch(BEATS[0])


def redis_in_every_trouble(lab: Lab, _chance: Random, extent: Extent) -> None:
    troubles: tuple[Callable[[Lab, float], None], ...] = (
        _killed,
        _hung,
        _full,
        _standby,
        _hanging_up,
    )
    for trouble in troubles:
        trouble(lab, extent.seconds / len(troubles))


def consumers_lost(lab: Lab, _chance: Random, _extent: Extent) -> None:
    first, second = CONSUMERS
    lab.kill(second)
    lab.launch(second)
    lab.children[first].pause()
    lab.pause(AWAY_FOR)
    lab.children[first].resume()
    lab.end(second)
    lab.launch(second)


def begin_behind_the_others(lab: Lab) -> None:
    """Let consumers see no event of earlier scenarios."""
    lab.only(())
    pass_over(lab, "opencore.notifications")


def each_effect_once(lab: Lab, keys: Collection[str]) -> str:
    """Return how many receipts there are; fail unless it is one per event."""
    events = len(lab.stored(keys))
    lab.until(
        lambda: lab.sql(RECEIPTS, list(keys)) >= events, "all are told", seconds=120
    )
    receipts = lab.sql(RECEIPTS, list(keys)), lab.sql(RECEIPTS_BY_EVENT, list(keys))
    assert receipts == (events, events), (receipts, events)
    return f"{events:,} receipts, one for each event"


def _killed(lab: Lab, seconds: float) -> None:
    lab.crash_service("redis", down_for=seconds)


def _hung(lab: Lab, seconds: float) -> None:
    lab.service("redis").pause()
    lab.pause(seconds)
    lab.service("redis").resume()


def _full(lab: Lab, seconds: float) -> None:
    with _redis(lab) as client:
        client.config_set("maxmemory", 1)
        lab.pause(seconds)
        client.config_set("maxmemory", 0)


def _standby(lab: Lab, seconds: float) -> None:
    with _redis(lab) as client:
        client.replicaof("127.0.0.1", 1)
        lab.pause(seconds)
        client.replicaof("NO", "ONE")


def _hanging_up(lab: Lab, seconds: float) -> None:
    for _ in range(5):
        lab.lines["redis"].reset()
        lab.pause(seconds / 5)


def _redis(lab: Lab) -> Redis:
    return Redis.from_url(lab.services.urls()["REDIS_URL"])


RECEIPTS = """
select count(*) from notifications_notification
where type = 'payment_receipt' and user_id = any(%s::uuid[])
"""
RECEIPTS_BY_EVENT = """
select count(distinct event_id) from notifications_notification
where type = 'payment_receipt' and user_id = any(%s::uuid[])
"""
SCENARIOS = (
    Scenario(
        id="C1",
        sentence=(
            "Celery's worker relays, and is ended by SIGTERM, SIGQUIT and SIGKILL."
        ),
        fault=worker_ended,
        processes=(OUTBOX_WORKER, "beat"),
    ),
    Scenario(
        id="C2",
        sentence=(
            "Celery's worker relays for two beats; one is killed, and Redis refuses"
            " connections."
        ),
        fault=beats_killed,
        processes=(OUTBOX_WORKER, *BEATS),
    ),
    Scenario(
        id="C3",
        sentence=(
            "Redis is killed, hangs, is full, is a standby without a primary, and"
            " hangs up again and again."
        ),
        fault=redis_in_every_trouble,
    ),
    Scenario(
        id="C4",
        sentence=(
            "Of two consumers of a group one is killed, the other hangs for longer"
            " than its session, the first is ended."
        ),
        before=begin_behind_the_others,
        fault=consumers_lost,
        processes=("relay", *CONSUMERS),
        proof=each_effect_once,
    ),
)
