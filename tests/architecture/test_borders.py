"""The borders between the apps that import-linter can't see."""

import ast
import re
from pathlib import Path

from tests.architecture.code import (
    DOMAINS,
    PRODUCT,
    ROOT,
    calls,
    imports,
    migrations,
    name_of,
    product_files,
    tree,
)

# The names that a file or package of an app may have, and why a few have more.
NAMES = {
    *("__init__", "admin", "apps", "errors", "handlers", "management", "migrations"),
    *("models", "permissions", "selectors", "serializers", "services", "tasks"),
    *("templates", "urls", "views", "static"),
}
MORE = {
    "accounts": {"authentication", "metrics", "privacy", "roles"},
    "billing": {"privacy", "providers"},
    "notifications": {"privacy"},
}
VAGUE = re.compile(r"^(utils?|helpers?|common|misc|shared|base_?utils)$")
# Files that speak SQL, each for a statement that the ORM can't say.
SQL = {
    "accounts/services/refreshing.py",
    "accounts/services/auditing.py",
    "accounts/services/sealing.py",
    "accounts/services/sessions.py",
    "accounts/services/limiting.py",
    "notifications/services/sending.py",
    "billing/services.py",
}


def app_of(path: Path) -> str:
    return path.relative_to(ROOT).parts[0]


def strings(node: ast.AST) -> list[str]:
    return [
        part.value
        for part in ast.walk(node)
        if isinstance(part, ast.Constant) and isinstance(part.value, str)
    ]


def test_no_app_reaches_for_a_model_by_name() -> None:
    found = [name_of(path) for path in product_files() if calls(path, "get_model")]

    assert found == []


def test_no_foreign_key_leaves_its_app() -> None:
    found = [
        f"{name_of(path)}: {target}"
        for path in product_files()
        for kind in ("ForeignKey", "OneToOneField", "ManyToManyField")
        for call in calls(path, kind)
        for target in strings(call.args[0] if call.args else call)
        if "." in target and target.partition(".")[0] != app_of(path)
    ]

    assert found == []


def test_only_accounts_knows_the_class_of_users() -> None:
    found = [
        name_of(path)
        for path in product_files()
        if app_of(path) in {*DOMAINS, "outbox"} - {"accounts"}
        and ({"AUTH_USER_MODEL", "get_user_model"} & names_in(path))
    ]

    assert found == []


def names_in(path: Path) -> set[str]:
    return {
        node.attr if isinstance(node, ast.Attribute) else node.id
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute | ast.Name)
    }


def test_no_app_listens_to_signals_of_models() -> None:
    signals = ("django.db.models.signals", "django.dispatch", "django.core.signals")
    found = [
        f"{name_of(path)}: {name}"
        for path in product_files()
        for name in imports(path)
        if name.startswith(signals)
    ]

    assert found == []


def test_apps_speak_sql_only_where_the_orm_has_no_words() -> None:
    found = {
        name_of(path)
        for path in product_files()
        if app_of(path) in DOMAINS
        and any(calls(path, name) for name in ("cursor", "raw", "execute"))
    }

    assert found == SQL


def test_files_of_apps_have_names_that_say_what_they_are() -> None:
    found = [
        f"{app}/{path.name}"
        for app in ("accounts", "billing", "notifications")
        for path in sorted((ROOT / app).iterdir())
        if path.name != "__pycache__" and path.stem not in NAMES | MORE.get(app, set())
    ]

    assert found == []


def test_no_file_has_a_vague_name() -> None:
    found = [
        name_of(path)
        for folder in (*PRODUCT, "tests")
        for path in sorted((ROOT / folder).rglob("*"))
        if VAGUE.match(path.stem)
    ]

    assert found == []


def test_redis_is_known_in_few_places() -> None:
    found = {
        name_of(path)
        for path in product_files()
        for name in imports(path)
        if name.split(".")[0] == "redis" and "localservices" not in path.parts
    }

    assert found == {
        "gateway_proxy/blocking/limits.py",
        "gateway_proxy/board.py",
        "gateway_proxy/streaming/limits.py",
        "gateway_proxy/streaming/redisline.py",
        "opencore/brakes.py",
        "opencore/health.py",
        "opencore/revocations.py",
        "outbox/doorbell.py",
    }


def test_nobody_sleeps_but_who_waits_between_two_tries() -> None:
    found = {
        name_of(path)
        for path in product_files()
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute)
        and node.attr == "sleep"
        and isinstance(node.value, ast.Name)
        and node.value.id == "time"
    }

    assert found == {
        "opencore/database.py",
        "opencore/postgresql/retrying.py",
        "outbox/replay/pace.py",
    }


def test_settings_are_read_inside_functions() -> None:
    found = [
        f"{name_of(path)}:{node.lineno}"
        for path in product_files()
        if "settings" not in path.parts and app_of(path) in {*DOMAINS, "outbox"}
        for statement in tree(path).body
        if isinstance(statement, ast.Assign | ast.AnnAssign)
        for node in ast.walk(statement)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "settings"
    ]

    assert found == []


def test_migrations_have_names_and_import_nothing_of_ours_but_ids() -> None:
    unnamed = [name_of(path) for path in migrations() if "auto" in path.stem]
    imported = {
        f"{name_of(path)}: {name}"
        for path in migrations()
        for name in imports(path)
        if name.split(".")[0] in PRODUCT and not name.startswith("opencore.ids")
    }

    assert unnamed == []
    assert imported == set()


def test_migrations_say_what_they_are_for() -> None:
    silent = [
        name_of(path)
        for path in migrations()
        for node in tree(path).body
        if isinstance(node, ast.ClassDef) and ast.get_docstring(node) is None
    ]

    assert silent == []
