"""Whatever goes wrong with a request, the client reads one shape."""

import json
import logging
import tomllib
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings as django_settings
from django.http.response import HttpResponseBase
from django.test import Client
from pytest_django import Settings

from opencore import __version__
from opencore.cataloguing import ROOT
from opencore.errors import DomainError, FieldProblem
from opencore.problems import PROBLEMS
from tests.opencore.conftest import REQUEST_ID, Ask

pytestmark = pytest.mark.urls("tests.opencore.urls")
MEMBERS = {"type", "title", "status", "detail", "code", "request_id", "retryable"}
LIMIT = 1024 * 1024


def send(
    path: str,
    body: bytes | str = b"",
    *,
    method: str = "POST",
    content_type: str = "application/json",
    **headers: str,
) -> HttpResponseBase:
    return Client().generic(
        method,
        path,
        body,
        content_type=content_type,
        headers={"X-Request-Id": REQUEST_ID, **headers},
    )


def read_problem(response: HttpResponseBase, status: int, code: str) -> dict[str, Any]:
    """Return the problem's own members, after those that all problems share."""
    problem: dict[str, Any] = json.loads(response.getvalue())
    assert (response.status_code, problem["code"]) == (status, code)
    assert response["Content-Type"] == "application/problem+json"
    assert response["Cache-Control"] == "no-store"
    assert response["X-Request-Id"] == problem["request_id"] == REQUEST_ID
    assert problem["type"] == f"{django_settings.PUBLIC_URL}/problems/{code}"
    assert problem["status"] == status
    assert problem["title"]
    assert problem["detail"]
    assert code in PROBLEMS
    return {name: value for name, value in problem.items() if name not in MEMBERS}


@pytest.mark.parametrize("path", ["/nowhere", "/v1/nowhere", "/nowhere/at/all?x=1"])
def test_an_unknown_url(path: str) -> None:
    assert read_problem(send(path, method="GET"), 404, "not_found") == {}


def test_a_wrong_method() -> None:
    response = send("/v1/notes", method="DELETE")

    assert read_problem(response, 405, "method_not_allowed") == {}
    assert response["Allow"] == "POST, OPTIONS"


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ("{", "The body is not JSON: Expecting property name enclosed in double"),
        (" ", "The body is not JSON: Expecting value in line 1, column 2."),
        ('{"text": NaN}', "NaN is not JSON."),
        (b'{"text": "\xff"}', "The body is not UTF-8."),
        ("[" * 100_000, "The body is nested too deeply."),
        ('{"text": ' + "9" * 5000 + "}", "A number in the body has too many digits."),
    ],
    ids=["cut", "blank", "not a number", "not UTF-8", "deep", "long number"],
)
def test_a_body_that_is_not_json(body: bytes | str, detail: str) -> None:
    response = send("/v1/notes", body)

    assert read_problem(response, 400, "malformed_request") == {}
    assert json.loads(response.getvalue())["detail"].startswith(detail)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ('{"text": "a", "text": "b"}', "/text"),
        ('{"text": {"a/b": 1, "a/b": 2}}', "/a~1b"),
    ],
)
def test_a_body_that_names_a_key_twice(body: str, pointer: str) -> None:
    response = send("/v1/notes", body)

    assert read_problem(response, 400, "malformed_request") == {
        "errors": [{"pointer": pointer, "code": "duplicate", "detail": "Named twice."}]
    }


def test_fields_that_are_unknown_or_missing() -> None:
    response = send("/v1/notes", '{"texts": "a", "a/b": 1}')

    unknown = {"code": "unknown", "detail": "There is no such field."}
    assert read_problem(response, 400, "validation_error") == {
        "errors": [
            {
                "pointer": "/text",
                "code": "required",
                "detail": "This field is required.",
            },
            {"pointer": "/texts", **unknown},
            {"pointer": "/a~1b", **unknown},
        ]
    }


def test_a_name_with_half_a_character_is_an_unknown_one() -> None:
    response = send("/v1/notes", '{"text": "a", "a\\ud800": 1}')

    (error,) = read_problem(response, 400, "validation_error")["errors"]
    assert (error["pointer"], error["code"]) == ("/a?", "unknown")


def test_a_body_of_another_shape() -> None:
    response = send("/v1/notes", "[]")

    (error,) = read_problem(response, 400, "validation_error")["errors"]
    assert (error["pointer"], error["code"]) == ("", "invalid")


def test_a_body_that_is_just_small_enough() -> None:
    text = "a" * (LIMIT - len('{"text": ""}'))

    assert send("/v1/notes", json.dumps({"text": text})).status_code == 200


def test_a_body_that_is_too_large() -> None:
    text = "a" * (LIMIT - len('{"text": ""}') + 1)

    response = send("/v1/notes", json.dumps({"text": text}))

    assert read_problem(response, 413, "payload_too_large") == {}


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
    ],
)
def test_a_body_of_another_type(content_type: str) -> None:
    response = send("/v1/notes", '{"text": "a"}', content_type=content_type)

    assert read_problem(response, 415, "unsupported_media_type") == {}


def test_an_answer_that_cannot_be_given_in_the_type_asked_for() -> None:
    response = send("/v1/notes", '{"text": "a"}', Accept="image/png")

    assert read_problem(response, 406, "not_acceptable") == {}


def test_no_token() -> None:
    response = send("/v1/users/me", method="GET")

    assert read_problem(response, 401, "unauthenticated") == {}
    assert response["WWW-Authenticate"].startswith("Bearer")


def test_an_unknown_host() -> None:
    response = send("/v1/notes", method="GET", Host="evil.example.com")

    assert read_problem(response, 400, "bad_request") == {}


def test_an_error_that_nobody_foresaw_tells_the_client_nothing_and_the_log_all(
    ask: Ask, caplog: pytest.LogCaptureFixture
) -> None:
    def deed() -> None:
        raise RuntimeError("the shelf in the cellar broke")

    response = ask(deed)

    assert read_problem(response, 500, "internal_error") == {}
    assert json.loads(response.getvalue())["retryable"] == "same_idempotency_key"
    assert b"cellar" not in response.getvalue()
    (record,) = [each for each in caplog.records if each.levelno == logging.ERROR]
    assert record.exc_info is not None
    assert str(record.exc_info[1]) == "the shelf in the cellar broke"


def test_an_error_while_reading_may_be_repeated(ask: Ask) -> None:
    response = ask(lambda: 1 / 0, "GET")

    assert read_problem(response, 500, "internal_error") == {}
    assert json.loads(response.getvalue())["retryable"] == "yes"


@pytest.mark.parametrize("debug", [False, True])
def test_an_error_in_a_plain_view_has_the_same_shape(
    settings: Settings, debug: bool
) -> None:
    settings.DEBUG = debug

    response = send("/plain", method="GET")

    assert read_problem(response, 500, "internal_error") == {}
    assert b"hunter2" not in response.getvalue()


def test_an_unknown_url_has_the_same_shape_with_debug(settings: Settings) -> None:
    settings.DEBUG = True

    assert read_problem(send("/nowhere", method="GET"), 404, "not_found") == {}


def test_a_refusal_of_ours_carries_its_fields_and_headers(ask: Ask) -> None:
    class Overdrawn(DomainError):
        """There is not so much."""

        code = "conflict"
        status = PROBLEMS["conflict"].status

    def deed() -> None:
        raise Overdrawn(
            errors=(FieldProblem("/amount", "too_much", "Take less."),),
            headers={"Retry-After": "3"},
        )

    response = ask(deed)

    assert read_problem(response, 409, "conflict") == {
        "errors": [{"pointer": "/amount", "code": "too_much", "detail": "Take less."}]
    }
    assert json.loads(response.getvalue())["detail"] == "There is not so much."
    assert response["Retry-After"] == "3"


def test_a_request_without_an_id_gets_one_that_is_also_the_problems_instance() -> None:
    response = Client().get("/nowhere")

    problem = json.loads(response.content)
    assert str(UUID(problem["request_id"])) == response["X-Request-Id"]
    assert problem["instance"] == f"urn:uuid:{problem['request_id']}"


def test_each_answer_names_the_version_that_answered() -> None:
    written = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]

    assert Client().get("/v1/nowhere")["OpenCore-Version"] == written == __version__


def test_people_who_look_at_pages_get_a_page() -> None:
    response = send("/admin/nowhere", method="GET", Host="evil.example.com")

    assert response.status_code == 400
    assert response["Content-Type"] == "text/html"
    assert REQUEST_ID in response.getvalue().decode()


@pytest.mark.parametrize("code", sorted(PROBLEMS))
def test_each_problem_is_explained_where_its_type_points(code: str) -> None:
    said = json.loads(Client().get(f"/problems/{code}").content)

    kind = PROBLEMS[code]
    assert said == {
        "code": code,
        "status": kind.status,
        "meaning": kind.meaning,
        "remedy": kind.remedy,
    }


def test_an_unknown_problem_is_not_found() -> None:
    read_problem(send("/problems/no_such_code", method="GET"), 404, "not_found")


def test_a_browser_reads_a_problem_as_a_page() -> None:
    response = send("/problems/not_found", method="GET", Accept="text/html")

    assert response["Content-Type"].startswith("text/html")
    assert PROBLEMS["not_found"].remedy in response.getvalue().decode()


def test_every_refusal_of_the_product_stands_in_the_catalog() -> None:
    refusals = list(DomainError.__subclasses__())
    for refusal in refusals:
        refusals += refusal.__subclasses__()

    ours = [
        each
        for each in refusals
        if not each.__module__.startswith("tests.") and hasattr(each, "code")
    ]
    assert len(ours) > 10
    wrong = [
        each.__name__
        for each in ours
        if each.code not in PROBLEMS or PROBLEMS[each.code].status != each.status
    ]
    assert wrong == []
