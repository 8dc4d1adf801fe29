"""The product's own code, as text and as trees, for tests that read it."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOMAINS = ("accounts", "billing", "notifications", "gateway_proxy")
PRODUCT = ("opencore", *DOMAINS, "outbox")


def product_files() -> list[Path]:
    """Return the Python files of the product, without migrations."""
    return [path for path in _python(*PRODUCT) if "migrations" not in path.parts]


def all_files() -> list[Path]:
    """Return all Python files, tests and migrations included."""
    return [ROOT / "manage.py", *_python(*PRODUCT, "tests", "docker")]


def migrations() -> list[Path]:
    """Return the files of migrations."""
    return [
        path
        for path in _python(*PRODUCT)
        if path.parent.name == "migrations" and path.name != "__init__.py"
    ]


@cache
def tree(path: Path) -> ast.Module:
    """Return a file's syntax tree."""
    return ast.parse(path.read_text("utf-8"))


def name_of(path: Path) -> str:
    """Return a file's place below the root."""
    return path.relative_to(ROOT).as_posix()


def imports(path: Path) -> Iterator[str]:
    """Return the full names that a file imports, wherever it does."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def calls(path: Path, name: str) -> list[ast.Call]:
    """Return the calls of a function or method of this name."""
    return [
        node
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and _called(node) == name
    ]


def _called(call: ast.Call) -> str:
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else ""


def _python(*folders: str) -> list[Path]:
    return [
        path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))
    ]
