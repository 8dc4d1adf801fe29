"""The printed table of who may do what is what each role meets at each operation."""

from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.management.permissions import BEGIN, END, table, with_table
from accounts.roles import MATRIX, NEEDS_STEP_UP, Permission, Role
from opencore.cataloguing import ROOT
from tests.authorization.asking import ask, operations, verdict
from tests.authorization.callers import Caller
from tests.authorization.entries import all_entries
from tests.authorization.entry import Entry
from tests.authorization.world import World, rolled_back

ENTRIES = {entry.operation: entry for entry in all_entries()}
OWNER = {"role": "owner"}
# What is asked of an operation that asks for more than its entry says.
PROBES: dict[tuple[Permission, str], dict[str, Any]] = {
    (Permission.ORG_READ, "switch_organization"): {
        "body": {"organization_id": "{organization}"}
    },
    (Permission.MFA_POLICY, "update_organization"): {
        "body": {"settings": {"mfa_required": True}},
        "step_up": True,
    },
    (Permission.DOMAINS_MANAGE, "update_organization"): {
        "body": {"settings": {"allowed_domains": ["example.com"]}}
    },
    (Permission.MEMBERS_REMOVE, "change_member"): {"body": {"status": "suspended"}},
    (Permission.ROLES_ASSIGN_OWNER, "change_member"): {"body": OWNER},
    (Permission.ROLES_ASSIGN_OWNER, "add_member"): {
        "body": {"user_id": "{stranger}", **OWNER}
    },
    (Permission.ROLES_ASSIGN_OWNER, "remove_member"): {
        "path": {"user_id": "other_owner"}
    },
    (Permission.ROLES_ASSIGN_OWNER, "create_invitation"): {
        "body": {"email": "new@example.com", **OWNER}
    },
    (Permission.ROLES_ASSIGN_OWNER, "resend_invitation"): {
        "path": {"invitation_id": "invitation_of_an_owner"}
    },
    (Permission.ROLES_ASSIGN_OWNER, "revoke_invitation"): {
        "path": {"invitation_id": "invitation_of_an_owner"}
    },
}


@dataclass(frozen=True)
class Row:
    """What the page says of a permission."""

    roles: frozenset[str]
    needs_proof: bool
    operations: tuple[str, ...]


def printed() -> dict[str, Row]:
    """Return what ARCHITECTURE.md says, read as a person would."""
    page = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
    lines = page.partition(BEGIN)[2].partition(END)[0].strip().splitlines()
    header, _, *rows = [
        [cell.strip().strip("`") for cell in line.strip("|").split("|")]
        for line in lines
    ]
    roles = header[1 : len(Role) + 1]
    return {
        name: Row(
            frozenset(role for role, mark in zip(roles, cells, strict=False) if mark),
            bool(cells[len(roles)]),
            tuple(
                each.strip("` ")
                for each in cells[-1].split(",")
                if cells[-1] != "nothing yet"
            ),
        )
        for name, *cells in rows
    }


TABLE = printed()
PAIRS = [
    (Permission(name), operation)
    for name, row in TABLE.items()
    for operation in row.operations
]


def entry_of(permission: Permission, operation: str) -> Entry:
    """Return what asks for the operation such that this permission is needed."""
    probe = PROBES.get((permission, operation))
    entry = ENTRIES[operation]
    if probe is not None:
        return replace(entry, needs=permission, **probe)
    assert entry.needs == permission, "say in PROBES what asks for this permission"
    return entry


def met(world: World, entry: Entry, caller: Caller) -> str | None:
    with rolled_back():
        return verdict(entry, ask(world, entry, caller))


def test_the_page_says_what_the_matrix_says() -> None:
    assert {name: (row.roles, row.needs_proof) for name, row in TABLE.items()} == {
        str(permission): (
            frozenset(str(role) for role in roles),
            permission in NEEDS_STEP_UP,
        )
        for permission, roles in MATRIX.items()
    }


def test_what_the_entries_ask_for_is_printed_and_all_that_is_printed_is_asked() -> None:
    asked = {
        (entry.needs, entry.operation)
        for entry in ENTRIES.values()
        if isinstance(entry.needs, Permission)
    }

    assert asked | set(PROBES) == set(PAIRS)


@pytest.mark.parametrize(("permission", "operation"), PAIRS)
def test_who_is_let_through_is_who_the_page_names(
    world: World, permission: Permission, operation: str
) -> None:
    entry = entry_of(permission, operation)

    found = {
        role: met(world, entry, Caller(name=role, person=role)) for role in Role.values
    }

    named = TABLE[permission].roles
    assert found == {
        role: None if role in named else "forbidden" for role in Role.values
    }


@pytest.mark.parametrize(
    ("permission", "operation"),
    [
        (permission, operation)
        for permission, operation in PAIRS
        if TABLE[permission].needs_proof and operations()[operation][0] != "get"
    ],
)
def test_what_is_marked_so_needs_a_fresh_proof(
    world: World, permission: Permission, operation: str
) -> None:
    stale = Caller(name="owner", person="owner", fresh=False)

    assert met(world, entry_of(permission, operation), stale) == "step_up_required"


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("permissions", *arguments, stdout=out)
    return out.getvalue()


def test_the_page_is_up_to_date() -> None:
    assert run("--check") == "ARCHITECTURE.md is up to date.\n"


def test_a_page_that_is_not_is_said_and_written(tmp_path: Path) -> None:
    page = tmp_path / "PAGE.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")

    with pytest.raises(CommandError, match=r"run manage\.py permissions"):
        run("--check", "--page", str(page))
    assert "old" in page.read_text()
    assert run("--page", str(page)) == "PAGE.md is written.\n"
    assert page.read_text() == f"before\n{BEGIN}\n\n{table()}\n{END}\nafter\n"
    assert run("--page", str(page)) == "PAGE.md is up to date.\n"


def test_a_page_without_a_place_for_it_is_said(tmp_path: Path) -> None:
    page = tmp_path / "PAGE.md"
    page.write_text("nothing\n")

    with pytest.raises(CommandError, match="no place"):
        run("--page", str(page))
    with pytest.raises(ValueError, match="no place"):
        with_table(f"{END}{BEGIN}")
