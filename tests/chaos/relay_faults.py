"""R1 to R6: what happens to relays, and what a lesser relay or writer would do."""

from random import Random

from opencore.localservices.parts import PYTHON
from tests.chaos.lab import Lab
from tests.chaos.scenario import Extent, Scenario
from tests.failure_modes.system import KILLED

SHARE_AT_THE_STEP = 6
SHARE_OF_LEADERS = 2
PAIR = ("relay", "second relay")
# Longer than a lease (10 s).
ZOMBIE_SECONDS = 12.0
GREEDY = ("first greedy relay", "second greedy relay", "third greedy relay")


def killed(lab: Lab, chance: Random, extent: Extent) -> None:
    for _ in range(extent.kills):
        lab.until_led(["relay"])
        lab.pause(chance.uniform(0, 0.5))
        lab.kill_relay("relay")
        lab.launch("relay")


def killed_before_recording(lab: Lab, _chance: Random, extent: Extent) -> None:
    lab.kill_relay("relay")
    for _ in range(max(2, extent.kills // SHARE_AT_THE_STEP)):
        dying = lab.run(
            "dying relay",
            *(PYTHON, "-m", "tests.failure_modes.dying"),
            *("sent but not recorded", "outbox_relay"),
        )
        lab.until(lambda dying=dying: not dying.running, "killed")  # type: ignore[misc]  # -- mypy can't infer a lambda with a default
        assert dying.status == KILLED, dying.tail(20)
        lab.kills += 1
    del lab.children["dying relay"]
    lab.launch("relay")


def leader_killed(lab: Lab, chance: Random, extent: Extent) -> None:
    for _ in range(max(2, extent.kills // SHARE_OF_LEADERS)):
        leader = lab.until_led(PAIR)
        lab.pause(chance.uniform(0, 0.5))
        lab.kill_relay(leader)
        lab.launch(leader)


def zombie(lab: Lab, _chance: Random, _extent: Extent) -> None:
    leader = lab.until_led(PAIR)
    lab.children[leader].pause()
    lab.pause(ZOMBIE_SECONDS)
    lab.until(lambda: lab.leader(PAIR) not in {None, leader}, "another relay leads")
    lab.children[leader].resume()
    lab.pause(1)


def nothing(lab: Lab, _chance: Random, extent: Extent) -> None:
    lab.pause(extent.seconds)


SCENARIOS = (
    Scenario(
        id="R1",
        sentence="The relay is killed (SIGKILL) again and again while it sends.",
        fault=killed,
    ),
    Scenario(
        id="R2",
        sentence="The relay is killed between Kafka's answer and recording it.",
        fault=killed_before_recording,
    ),
    Scenario(
        id="R3",
        sentence="Of two relays the one that leads is killed, again and again.",
        fault=leader_killed,
        processes=PAIR,
    ),
    Scenario(
        id="R4",
        sentence=(
            "Of two relays the one that leads hangs for longer than its lease, and"
            " wakes up as a zombie."
        ),
        fault=zombie,
        processes=PAIR,
    ),
    Scenario(
        id="R5",
        sentence=(
            "Mutant: three relays that claim rows with SKIP LOCKED, without lanes, and"
            " take up to 50 ms to send them. Must be caught."
        ),
        fault=nothing,
        processes=GREEDY,
        mutant=True,
    ),
    Scenario(
        id="R6",
        sentence=(
            "Mutant: writers that number a thing's changes without locking it. Must"
            " be caught."
        ),
        fault=nothing,
        writers=("--careless",),
        mutant=True,
    ),
)
