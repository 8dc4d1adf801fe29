"""Whatever a request names beside what it may, nothing else is changed."""

import json
from typing import Any

import pytest

from tests.api import body_of
from tests.authorization.asking import described, operations, prepared
from tests.authorization.callers import STAFF, Caller
from tests.authorization.entries import all_entries
from tests.authorization.entry import Entry
from tests.authorization.rows import MARKS, all_rows, difference, fields
from tests.authorization.world import World, rolled_back

WRITING = {"post", "put", "patch"}
ENTRIES = [
    entry
    for entry in all_entries()
    if operations().get(entry.operation, ("",))[0] in WRITING
]
EVERY_FIELD = fields()
Outcome = tuple[int, set[tuple[str, str]], set[str], bool]


def test_there_are_many_fields_and_operations() -> None:
    assert len(EVERY_FIELD) > 200
    assert len(ENTRIES) > 15


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.operation)
def test_no_field_of_any_model_is_changed_by_naming_it(
    world: World, entry: Entry
) -> None:
    good = dict(entry.body or {})
    strange = {
        name: value
        for name, value in EVERY_FIELD.items()
        if name not in declared(entry)
    }

    with rolled_back():
        plainly = deed(world, entry, good)
    with rolled_back():
        status, changed, pointers, marked = deed(world, entry, {**good, **strange})

    refused: Outcome = (400, set(), {f"/{name}" for name in strange}, False)
    assert (status, changed, pointers, marked) in (refused, plainly)


def deed(world: World, entry: Entry, body: dict[str, Any]) -> Outcome:
    """Return status, changed columns, refused fields, and whether a mark was stored."""
    person = "operator" if entry.needs in STAFF else "owner"
    caller = Caller(name=person, person=person)
    send = prepared(world, entry.with_body(body), caller)
    before = all_rows()

    response = send()

    after = all_rows()
    new = json.dumps([row for key, row in after.items() if before.get(key) != row])
    refused = body_of(response).get("errors", []) if response.status_code == 400 else []
    return (
        response.status_code,
        difference(before, after),
        {error["pointer"] for error in refused},
        any(mark in new for mark in MARKS),
    )


def declared(entry: Entry) -> set[str]:
    """Return the fields that the operation says it takes."""
    method, path = operations()[entry.operation]
    body = described()["paths"][path][method].get("requestBody", {"content": {}})
    return {
        name
        for content in body["content"].values()
        for name in properties(content["schema"], described()["components"]["schemas"])
    }


def properties(schema: dict[str, Any], known: dict[str, Any]) -> set[str]:
    """Return the names of an object's properties, whichever of its shapes it has."""
    resolved = known[schema["$ref"].rsplit("/", 1)[1]] if "$ref" in schema else schema
    shapes = [*resolved.get("oneOf", []), *resolved.get("allOf", [])]
    return set(resolved.get("properties", {})).union(
        *(properties(shape, known) for shape in shapes)
    )
