"""What a profile remembers between two starts, and what is its alone."""

import socket
from pathlib import Path

import pytest

from opencore.localservices.places import PORTS, LocalServiceError, Places, is_free


@pytest.fixture
def places(tmp_path: Path) -> Places:
    made = Places(tmp_path / "a folder", "run")
    made.make()
    return made


def test_a_port_is_the_same_at_the_next_start(places: Places) -> None:
    port = places.port("redis")

    assert Places(places.root, "run").port("redis") == port
    assert port in PORTS


def test_a_port_that_somebody_took_meanwhile_is_replaced(places: Places) -> None:
    port = places.port("redis")
    with socket.create_server(("127.0.0.1", port)):
        other = places.port("redis")

    assert other != port
    assert is_free(other)


def test_two_parts_have_two_ports(places: Places) -> None:
    assert places.port("redis") != places.port("postgres")


def test_a_secret_is_kept_for_this_user_alone(places: Places) -> None:
    secret = places.secret("redis")

    assert places.secret("redis") == secret
    assert (places.home / "secrets.json").stat().st_mode & 0o777 == 0o600
    assert places.local.stat().st_mode & 0o777 == 0o700


def test_the_second_start_in_a_checkout_learns_who_is_first(places: Places) -> None:
    with (
        places.lock(wait=False),
        pytest.raises(LocalServiceError, match=r"already runs \(process \d+\)"),
    ):
        places.lock(wait=False)


def test_a_checkout_can_be_run_again_when_the_first_ended(places: Places) -> None:
    places.lock(wait=False).close()

    places.lock(wait=False).close()
