"""What is somebody else's is not there, by whatever operation of one's own it is named."""

from dataclasses import replace

import pytest

from tests.api import body_of
from tests.authorization.asking import prepared
from tests.authorization.callers import Caller
from tests.authorization.entries import all_entries
from tests.authorization.entry import Entry
from tests.authorization.world import World, rolled_back

OWNER = Caller(name="owner", person="owner")
ENTRIES = [
    entry
    for entry in all_entries()
    # What operators and staff do concerns everybody's; who has a link has it from the
    # mail, and is told to whom it was sent.
    if entry.path
    and "token" not in entry.path
    and entry.needs not in {"anybody", "operator", "staff"}
]


def test_there_are_many_operations_that_name_things() -> None:
    assert len(ENTRIES) > 15


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.operation)
def test_what_is_somebody_elses_is_not_found(world: World, entry: Entry) -> None:
    path = {
        name: "outsider" if thing == "member" else thing
        for name, thing in entry.path.items()
    }
    theirs = (world.people["outsider"], world.globex)

    with rolled_back():
        own = prepared(world, entry, OWNER)()
    with rolled_back():
        asked = prepared(world, replace(entry, path=path), OWNER, theirs=theirs)
        response = asked()

    assert own.status_code != 404
    assert (response.status_code, body_of(response)["code"]) == (404, "not_found")
