"""One system for all failures; each test leaves it healthy."""

from collections.abc import Iterator

import pytest

from opencore.localservices.parts import PARTS
from opencore.localservices.places import answers
from tests.failure_modes.system import System, Visitor
from tests.ports import free_port

# What the strict gateway lets through at once.
BURST = 20


@pytest.fixture(scope="session")
def running() -> Iterator[System]:
    """The system, started once."""
    system = System()
    try:
        system.start()
        yield system
    finally:
        system.stop()


@pytest.fixture
def system(running: System) -> Iterator[System]:
    """The system, healthy before the test and after it."""
    running.until(running.is_ready, "the system is ready before the test")
    running.until_settled()
    assert [name for name, child in running.children.items() if not child.running] == []
    yield running
    ended = running.replace_ended()
    running.until(running.is_ready, "the system is ready after the test")
    running.until_settled()
    # Who is killed on purpose is replaced by the test; nobody else may have ended.
    assert ended == []


class StrictGateway:
    """A gateway of its own that lets few requests through, then one in 100 seconds."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._port = free_port()
        self.visitor = Visitor(f"http://127.0.0.1:{self._port}")
        self.start()

    def start(self) -> None:
        """Start it, as a deployment does."""
        (api,) = (part for part in PARTS if part.name == "api")
        self._system.run(
            "strict",
            *api.command(self._port),
            GATEWAY_RATE="0.01",
            GATEWAY_BURST=str(BURST),
            # Its buckets are not those of the gateway that asks for more.
            REDIS_URL=f"{self._system.urls()['REDIS_URL'].removesuffix('/0')}/1",
        )
        self._system.until(lambda: answers(self._port), "the strict gateway answers")

    def stop(self) -> None:
        """End it as a deployment does."""
        self._system.children["strict"].stop()
        del self._system.children["strict"]


@pytest.fixture
def strict(system: System) -> Iterator[StrictGateway]:
    """A gateway that may be restarted, and whose limits are soon reached."""
    gateway = StrictGateway(system)
    yield gateway
    gateway.stop()
