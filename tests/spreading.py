"""Spreads the tests over two processes: those that share services stay together."""

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

# These have a system of their own; the first take as long as all others together.
OWN = ("tests/failure_modes/", "tests/chaos/test_nemesis.py")


class ByServices(LoadScopeScheduling):  # type: ignore[misc]  # -- xdist has no types
    """Gives each process the tests that use the same services."""

    def _split_scope(self, nodeid: str) -> str:
        return next((own for own in OWN if nodeid.startswith(own)), "shared")


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByServices:
    """Spread by services, whatever --dist says."""
    return ByServices(config, log)
