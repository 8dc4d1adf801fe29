"""`make run` and `make demo` for real: what starts, breaks, comes back and ends."""

import signal

import psutil
import pytest

from tests.localservices.conftest import WITHIN, System

pytestmark = pytest.mark.slow


def test_the_demo_passes_against_a_running_system(system: System) -> None:
    done = system.ask("demo")

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].startswith("Demo passed: ")


def test_without_kafka_the_demo_fails_with_its_name_until_it_is_back(
    system: System,
) -> None:
    assert system.ask("down", "kafka").returncode == 0
    without = system.ask("demo", "--patience", "2")
    assert system.ask("up", "kafka").returncode == 0
    after = system.ask("demo", "--patience", "60")

    assert without.returncode == 1
    assert "Kafka" in without.stderr.splitlines()[-1]
    assert after.returncode == 0, after.stderr


def test_a_killed_part_is_named_when_it_is_started_again(system: System) -> None:
    relay = next(p for p in system.family if "outbox_relay" in p.cmdline())

    relay.kill()

    system.wait(lambda: "[relay] ended with status -9; it is started" in system.said)
    system.wait(lambda: any("outbox_relay" in p.cmdline() for p in system.family))


def test_a_second_start_is_told_where_the_first_is(system: System) -> None:
    assert system.state is not None

    second = system.ask("run")

    assert second.returncode == 1
    assert f"already runs (process {system.state.pid})" in second.stderr


def test_ctrl_c_leaves_nothing_but_the_data_for_the_next_start(system: System) -> None:
    family = system.family

    status = system.end(signal.SIGINT)
    system.start()

    assert status == 0
    assert [process for process in family if process.is_running()] == []
    assert "0 made; 3 were there already." in system.said


def test_a_killed_supervisor_leaves_nothing_alive(system: System) -> None:
    family = system.family

    system.end(signal.SIGKILL)

    _, alive = psutil.wait_procs(family[1:], timeout=WITHIN)
    assert alive == []
