"""Prints who may do what: the table of roles, and which operations ask for it.

Which operations these are is read in the code of the views, where they ask.
"""

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

from accounts.roles import MATRIX, NEEDS_STEP_UP, Permission, Role

VIEWS = Path(__file__).resolve().parent.parent / "views"
VERBS = frozenset({"get", "post", "put", "patch", "delete"})
# Who gives or takes roles in such words may have to be an owner for it.
GRANTING = frozenset({"require_grant", "own_role"})
BEGIN = "<!-- Made by manage.py permissions -->"
END = "<!-- End of what manage.py permissions made -->"
Definitions = Mapping[str, ast.AST]


def with_table(page: str) -> str:
    """Return the page with the table of now; raises ValueError without its place."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"There is no place between {BEGIN} and {END}.")
    return f"{before}{BEGIN}\n\n{table()}\n{END}{after}"


def table() -> str:
    """Return a row for each permission: whose it is, and what asks for it."""
    asking = operations_by_permission()
    lines = [
        f"| permission | {' | '.join(Role.values)} | fresh proof | asked for by |",
        "|---" * (len(Role) + 3) + "|",
    ]
    for permission, roles in MATRIX.items():
        cells = [
            f"`{permission}`",
            *("✓" if role in roles else "" for role in Role),
            "✓" if permission in NEEDS_STEP_UP else "",
            ", ".join(f"`{name}`" for name in asking[permission]) or "nothing yet",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def operations_by_permission() -> dict[Permission, list[str]]:
    """Return the operations that ask for each permission, by their names."""
    found: dict[Permission, set[str]] = defaultdict(set)
    for path in sorted(VIEWS.glob("*.py")):
        for operation, permissions in _operations(ast.parse(path.read_text("utf-8"))):
            for permission in permissions:
                found[permission].add(operation)
    return {permission: sorted(found[permission]) for permission in Permission}


def _operations(module: ast.Module) -> Iterator[tuple[str, set[Permission]]]:
    definitions = dict(_definitions(module))
    for view in module.body:
        for method in view.body if isinstance(view, ast.ClassDef) else ():
            if isinstance(method, ast.FunctionDef) and method.name in VERBS:
                asked = set(_asked(method, definitions, set()))
                # Whoever asks for more has asked for this on the way.
                yield _name_of(method), asked - {Permission.ORG_READ} or asked


def _definitions(module: ast.Module) -> Iterator[tuple[str, ast.AST]]:
    for node in module.body:
        if isinstance(node, ast.FunctionDef):
            yield node.name, node
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            yield node.targets[0].id, node.value


def _name_of(method: ast.FunctionDef) -> str:
    for decorator in method.decorator_list:
        for keyword in decorator.keywords if isinstance(decorator, ast.Call) else ():
            if keyword.arg == "operation_id" and isinstance(
                keyword.value, ast.Constant
            ):
                return str(keyword.value.value)
    return method.name


def _asked(
    node: ast.AST, definitions: Definitions, seen: set[str]
) -> Iterator[Permission]:
    """Yield what a piece of code asks for, and what it calls in its module."""
    for part in ast.walk(node):
        yield from _said(part)
        if isinstance(part, ast.Name) and part.id in definitions.keys() - seen:
            seen.add(part.id)
            yield from _asked(definitions[part.id], definitions, seen)


def _said(part: ast.AST) -> Iterator[Permission]:
    match part:
        case ast.Attribute(value=ast.Name(id="Permission"), attr=name):
            yield Permission[name]
        case ast.Attribute(attr="access_to"):
            yield Permission.ORG_READ
        case ast.Attribute(attr=name) | ast.keyword(arg=str(name)) if name in GRANTING:
            yield Permission.ROLES_ASSIGN_OWNER
