"""Everybody asks for every operation, and is let through as its entry says."""

from collections import Counter
from typing import Any

import pytest

from tests.authorization.asking import ask, described, operations, verdict
from tests.authorization.callers import CALLERS, Caller, expected
from tests.authorization.entries import all_entries
from tests.authorization.entry import Entry
from tests.authorization.things import MAKERS, named
from tests.authorization.world import World, rolled_back

ENTRIES = all_entries()


def test_each_operation_has_one_entry_and_each_entry_an_operation() -> None:
    assert Counter(entry.operation for entry in ENTRIES) == Counter(list(operations()))


def test_the_description_says_which_operations_let_keys_through() -> None:
    described_so = {
        entry.operation
        for entry in ENTRIES
        if {"apiKey": []} in operation_named(entry.operation)["security"]
    }

    assert described_so == {entry.operation for entry in ENTRIES if entry.keys}


@pytest.mark.parametrize("thing", sorted(MAKERS))
def test_each_thing_of_the_world_can_be_made(world: World, thing: str) -> None:
    assert named(thing, world, world.people["owner"], world.acme)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.operation)
def test_who_is_let_through_is_who_the_entry_names(world: World, entry: Entry) -> None:
    found = {caller.name: _met(world, entry, caller) for caller in CALLERS}

    assert found == {caller.name: expected(entry, caller) for caller in CALLERS}


def operation_named(name: str) -> Any:  # noqa: ANN401 -- JSON is any value
    method, path = operations()[name]
    return described()["paths"][path][method]


def _met(world: World, entry: Entry, caller: Caller) -> str | None:
    with rolled_back():
        return verdict(entry, ask(world, entry, caller))
