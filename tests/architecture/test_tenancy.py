"""Views reach rows through selectors and services alone, and those ask whose they are."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.code import DOMAINS, ROOT, calls, name_of, product_files, tree

# What reads or writes rows, whatever it hangs on.
DATABASE = {"objects", "raw", "get_object_or_404", "get_list_or_404", "connection"}
# Who may say what a request has proved: where a token, code, link or key was checked.
PROVERS = {
    "enter_organization": {
        "accounts/selectors/access.py",  # a membership or a key was found
        "accounts/services/answering.py",  # an invitation was accepted
        "accounts/services/organizations.py",  # it was founded by this request
    },
    "enter_user": {
        "opencore/context.py",  # an actor was recognized
        "accounts/services/refreshing.py",  # a refresh token was read
        "accounts/services/sessions.py",  # a code was told, or such a token read
        "accounts/services/signing_in.py",  # a code was told, before factors are looked for
    },
    "unconfined": {
        "outbox/ceiling.py",  # counts what waits, of all together
        "accounts/services/data_requests.py",  # whether others need this owner
    },
}
# Selectors that find rows by an organization's id instead of what access_to returned.
BY_ID = {
    "membership_in",  # of one person, whose id has to be known as well
}


def files(kind: str) -> list[Path]:
    """Return what the apps have of a kind: a module, or a package of modules."""
    return [
        path
        for path in product_files()
        if path.relative_to(ROOT).parts[0] in DOMAINS
        and path.relative_to(ROOT).parts[1] in {kind, f"{kind}.py"}
    ]


def names(node: ast.AST) -> set[str]:
    return {
        part.attr if isinstance(part, ast.Attribute) else part.id
        for part in ast.walk(node)
        if isinstance(part, ast.Attribute | ast.Name)
    }


def functions(path: Path) -> Iterator[ast.FunctionDef]:
    """Return the public functions of a module."""
    for node in tree(path).body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            yield node


def parameters(function: ast.FunctionDef) -> set[str]:
    arguments = function.args
    every = (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)
    return {argument.arg for argument in every}


def test_no_view_reads_or_writes_rows_itself() -> None:
    found = [
        (name_of(path), name)
        for path in files("views")
        for name in sorted(DATABASE & names(tree(path)))
    ]

    assert files("views") != []
    assert found == []


def test_selectors_are_told_of_an_organization_that_somebody_was_let_into() -> None:
    found = {
        function.name
        for path in files("selectors")
        for function in functions(path)
        if "objects" in names(function) and "organization_id" in parameters(function)
    }

    assert found == BY_ID


@pytest.mark.parametrize("prover", sorted(PROVERS))
def test_only_who_checked_it_says_what_was_proved(prover: str) -> None:
    found = {
        name_of(path)
        for path in product_files()
        if calls(path, prover) and name_of(path) != "opencore/tenancy.py"
    }

    assert found - PROVERS[prover] == set()
