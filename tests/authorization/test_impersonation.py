"""Staff who act as a person do not what only the person may."""

from http import HTTPStatus

import pytest

from tests.api import body_of
from tests.authorization.asking import ask, operations
from tests.authorization.callers import STAFF, Caller
from tests.authorization.entries import all_entries
from tests.authorization.entry import Entry
from tests.authorization.world import World, rolled_back

# What is the person's own to do, though it asks for no fresh proof.
IN_PERSON = {
    *("label_session", "end_session", "end_other_sessions", "end_all_sessions"),
    *("verify_email_change", "create_data_request", "cancel_data_request"),
    *("read_data_request_content", "begin_step_up", "finish_step_up"),
    *("accept_invitation", "accept_own_invitation", "decline_own_invitation"),
    *("cancel_ownership_transfer", "leave_organization"),
}
READING = Caller(name="staff who looks", person="owner", acting="reading")
WRITING = Caller(name="staff who changes", person="owner", acting="writing")
ENTRIES = [entry for entry in all_entries() if entry.needs != "anybody"]


def method_of(entry: Entry) -> str:
    return operations()[entry.operation][0]


def code_met(world: World, entry: Entry, caller: Caller) -> str | None:
    """Return the code of the problem that staff gets; None if there is none."""
    with rolled_back():
        response = ask(world, entry, caller)
    assert response.status_code < HTTPStatus.INTERNAL_SERVER_ERROR
    if response.status_code < HTTPStatus.BAD_REQUEST:
        return None
    return str(body_of(response)["code"])


@pytest.mark.parametrize(
    "entry",
    [entry for entry in ENTRIES if method_of(entry) != "get"],
    ids=lambda entry: entry.operation,
)
def test_who_only_looks_is_let_to_no_change(world: World, entry: Entry) -> None:
    assert code_met(world, entry, READING) == "read_only_session"


@pytest.mark.parametrize(
    "entry",
    [
        entry
        for entry in ENTRIES
        if entry.step_up or entry.needs in STAFF or entry.operation in IN_PERSON
    ],
    ids=lambda entry: entry.operation,
)
def test_what_is_the_persons_own_or_needs_a_proof_is_nobody_elses(
    world: World, entry: Entry
) -> None:
    assert code_met(world, entry, WRITING) == "forbidden"


def test_what_is_the_persons_own_is_there() -> None:
    assert operations().keys() >= IN_PERSON
