"""The API's description: complete, without warnings, and shown from here alone."""

import json
import re
from io import StringIO
from typing import Any

import pytest
from django.contrib.staticfiles import finders
from django.core.management import call_command
from django.test import Client
from django.urls import get_resolver
from django.urls.resolvers import URLPattern, URLResolver

from opencore.problems import PROBLEMS

OPEN = {
    *("/v1/auth/otp", "/v1/auth/otp/verify", "/v1/auth/mfa/verify"),
    *("/v1/auth/refresh", "/v1/auth/logout"),
    "/v1/invitations/{token}",
}
BODILESS = (
    *("/read", "/read-all", "/cancel", "/revoke-others", "/revoke-all"),
    *("/leave", "/accept", "/decline", "/resend", "/revoke"),
    *("/auth/step-up", "/recovery-codes"),
)


@pytest.fixture(scope="module")
def described() -> Any:  # noqa: ANN401 -- JSON is any shape
    """What /openapi.json says."""
    return json.loads(Client().get("/openapi.json").content)


def operations(described: Any) -> dict[str, Any]:  # noqa: ANN401 -- as above
    return {
        f"{method} {path}": operation
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
    }


def mounted(patterns: list[URLPattern | URLResolver], prefix: str = "") -> set[str]:
    """Return every path below /v1 that is mounted."""
    found: set[str] = set()
    for pattern in patterns:
        path = f"{prefix}{pattern.pattern}"
        if isinstance(pattern, URLResolver):
            found |= mounted(pattern.url_patterns, path)
        elif path.startswith("v1/"):
            found.add("/" + re.sub(r"<\w+:(\w+)>", r"{\1}", path))
    return found


def test_it_is_made_without_a_warning() -> None:
    out, trouble = StringIO(), StringIO()

    call_command(
        "spectacular", "--validate", "--fail-on-warn", stdout=out, stderr=trouble
    )

    assert "openapi: 3.1" in out.getvalue()
    assert trouble.getvalue() == ""


def test_it_describes_every_path_that_is_mounted(described: Any) -> None:  # noqa: ANN401 -- as above
    assert described["openapi"].startswith("3.1")
    assert set(described["paths"]) == mounted(get_resolver().url_patterns)


def test_each_operation_says_what_it_does_and_has_a_name(described: Any) -> None:  # noqa: ANN401 -- as above
    found = operations(described)
    names = [operation["operationId"] for operation in found.values()]

    assert [
        name for name, operation in found.items() if not operation.get("description")
    ] == []
    assert len(names) == len(set(names))
    assert [name for name in names if not re.fullmatch(r"[a-z]+(_[a-z]+)*", name)] == []


def test_each_operation_that_takes_a_body_describes_it(described: Any) -> None:  # noqa: ANN401 -- as above
    silent = [
        name
        for name, operation in operations(described).items()
        if name.startswith("post ")
        and "requestBody" not in operation
        and not name.endswith(BODILESS)
    ]

    assert silent == []


def test_only_signing_in_and_links_need_no_token(described: Any) -> None:  # noqa: ANN401 -- as above
    without = {
        name.split(" ")[1]
        for name, operation in operations(described).items()
        if {} in operation.get("security", [{}])
    }

    assert without == OPEN
    assert described["components"]["securitySchemes"]["accessToken"] == {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
    }


def test_each_operation_says_that_errors_are_problems(described: Any) -> None:  # noqa: ANN401 -- as above
    silent = [
        name
        for name, operation in operations(described).items()
        if "application/problem+json"
        not in operation["responses"].get("default", {}).get("content", {})
    ]

    assert silent == []
    problem = described["components"]["schemas"]["Problem"]
    assert {"type", "title", "status", "detail", "code", "request_id", "retryable"} <= (
        set(problem["required"])
    )


def test_the_codes_of_problems_are_those_of_the_catalog(described: Any) -> None:  # noqa: ANN401 -- as above
    code = described["components"]["schemas"]["Problem"]["properties"]["code"]

    assert set(code["enum"]) == set(PROBLEMS)


def test_the_page_loads_nothing_from_elsewhere() -> None:
    page = Client().get("/docs")
    text = page.getvalue().decode()
    sources = re.findall(r'(?:src|href)="([^"]+)"', text)

    assert page.status_code == 200
    assert sources
    assert [source for source in sources if not source.startswith("/")] == []
    files = [
        source.removeprefix("/static/").partition("?")[0]
        for source in sources
        if source.startswith("/static/")
    ]
    assert files
    assert [file for file in files if finders.find(file) is None] == []
