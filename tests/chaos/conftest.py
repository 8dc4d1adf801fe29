"""One lab for all scenarios; each run heals it first."""

from collections.abc import Iterator

import pytest

from tests.chaos.lab import Lab


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """The lab, started once."""
    lab = Lab()
    try:
        lab.start()
        yield lab
    finally:
        lab.stop()
