"""One world for all who ask for an operation; what each does is taken back."""

import pytest

from tests.authorization.world import World, make_world


@pytest.fixture
def world(db: None) -> World:
    return make_world()
