"""All entries of the matrix, from every module of this folder that has some."""

from importlib import import_module
from pathlib import Path

from tests.authorization.entry import Entry


def all_entries() -> tuple[Entry, ...]:
    """Return every entry."""
    modules = (
        import_module(f"tests.authorization.{path.stem}")
        for path in sorted(Path(__file__).parent.glob("*.py"))
        if not path.stem.startswith(("test_", "conftest", "__init__"))
    )
    return tuple(
        entry for module in modules for entry in getattr(module, "ENTRIES", ())
    )
