"""A request that is repeated with its key has its effect once."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from http import HTTPStatus
from threading import Barrier, Event
from uuid import uuid4

import pytest
from django.db import close_old_connections, connection
from django.http.response import HttpResponseBase
from django.test import Client
from rest_framework.request import Request
from rest_framework.response import Response

from opencore.errors import DomainError, NotFound
from opencore.idempotency import KEPT_FOR, delete_expired
from opencore.models import IdempotencyKey
from opencore.tasks import delete_expired_idempotency_keys
from tests.api import Api, assert_problem, body_of
from tests.opencore.tcp_line import Cut, TcpLine
from tests.opencore.urls import Once

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.urls("tests.opencore.urls"),
    pytest.mark.usefixtures("shelf"),
]
PATIENCE = 5.0
CROWD = 8


@pytest.fixture
def ada() -> Api:
    return Api(uuid4())


@pytest.fixture
def mallory() -> Api:
    return Api(uuid4())


@pytest.fixture(autouse=True)
def _operation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Once, "operation", put_on_shelf, raising=False)


def run(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


def put_on_shelf(_request: Request) -> Response:
    with connection.cursor() as cursor:
        cursor.execute("insert into shelf select max(id) + 1 from shelf returning id")
        (number,) = cursor.fetchone()
    return Response(
        {"number": number, "name": "Käse"},
        status=201,
        headers={"Location": f"/v1/once/{number}", "X-Other": "1"},
    )


def put_and(end: Callable[[], object]) -> Callable[[Request], Response]:
    """Return an operation that puts a row on the shelf and then ends otherwise."""

    def operation(request: Request) -> Response:
        put_on_shelf(request)
        end()
        raise AssertionError("the end was no end")

    return operation


def shelved() -> int:
    with connection.cursor() as cursor:
        cursor.execute("select count(*) - 2 from shelf")
        (count,) = cursor.fetchone()
    return int(count)


def replayed(response: HttpResponseBase) -> bool:
    return response.get("Idempotency-Replayed") == "true"


@pytest.mark.parametrize(
    "key",
    [None, "", '""', "k" * 256, "ключ", "a\tb", "a\x00b"],
    ids=["none", "empty", "quoted empty", "long", "not ASCII", "tab", "zero"],
)
def test_a_request_without_a_good_key_is_refused(ada: Api, key: str | None) -> None:
    assert_problem(ada.post("/v1/once", {}, key=key), 400, "idempotency_key_required")
    assert shelved() == 0


def test_the_longest_key_is_good(ada: Api) -> None:
    assert ada.post("/v1/once", {}, key="k" * 255).status_code == 201


def test_a_repeated_request_gets_the_first_answer_and_has_no_second_effect(
    ada: Api,
) -> None:
    first = ada.post("/v1/once", {"a": 1}, key="one")
    second = ada.post("/v1/once", {"a": 1}, key="one")

    assert (first.status_code, second.status_code) == (201, 201)
    assert body_of(first) == body_of(second) == {"number": 3, "name": "Käse"}
    assert second["Location"] == first["Location"] == "/v1/once/3"
    assert second["Content-Type"] == first["Content-Type"] == "application/json"
    assert "X-Other" not in second
    assert (replayed(first), replayed(second)) == (False, True)
    assert shelved() == 1


def test_a_key_means_the_same_in_quotes(ada: Api) -> None:
    ada.post("/v1/once", {}, key='"say \\"cheese\\""')

    assert replayed(ada.post("/v1/once", {}, key='say "cheese"'))


def test_the_order_of_members_makes_no_other_request(ada: Api) -> None:
    ada.post("/v1/once", {"a": 1, "b": 2}, key="one")

    assert replayed(ada.post("/v1/once", {"b": 2, "a": 1}, key="one"))


@pytest.mark.parametrize(
    ("path", "body"),
    [("/v1/once/7", {"a": 2}), ("/v1/once/7?a=1", {"a": 1}), ("/v1/once/8", {"a": 1})],
    ids=["body", "query", "path"],
)
def test_a_key_that_was_used_for_another_request_is_refused(
    ada: Api, path: str, body: object
) -> None:
    ada.post("/v1/once/7", {"a": 1}, key="one")

    assert_problem(ada.post(path, body, key="one"), 422, "idempotency_mismatch")
    assert shelved() == 1


def test_another_key_has_its_own_effect(ada: Api) -> None:
    ada.post("/v1/once", {}, key="one")

    assert not replayed(ada.post("/v1/once", {}, key="two"))
    assert shelved() == 2


def test_another_persons_key_has_its_own_effect(ada: Api, mallory: Api) -> None:
    ada.post("/v1/once", {}, key="one")

    assert body_of(mallory.post("/v1/once", {}, key="one"))["number"] == 4
    assert shelved() == 2


def test_a_key_has_its_own_effect_at_another_endpoint(ada: Api) -> None:
    ada.post("/v1/once", {}, key="one")

    assert body_of(ada.post("/v1/once/7", {}, key="one"))["number"] == 4


def fail() -> None:
    raise RuntimeError("a bug")


def time_out() -> None:
    run("set local statement_timeout = '20ms'")
    run("select pg_sleep(9)")


@pytest.mark.parametrize(
    ("end", "status", "code"),
    [
        (fail, 500, "internal_error"),
        (time_out, 503, "database_timeout"),
        (
            lambda: run("set role none; select pg_terminate_backend(pg_backend_pid())"),
            503,
            "database_unavailable",
        ),
    ],
    ids=["bug", "time-out", "session ended"],
)
def test_a_failure_is_not_remembered_and_has_no_effect(
    monkeypatch: pytest.MonkeyPatch,
    ada: Api,
    end: Callable[[], object],
    status: int,
    code: str,
) -> None:
    with monkeypatch.context() as failing:
        failing.setattr(Once, "operation", put_and(end))
        assert_problem(ada.post("/v1/once", {}, key="one"), status, code)
    assert shelved() == 0

    again = ada.post("/v1/once", {}, key="one")

    assert (again.status_code, replayed(again)) == (201, False)
    assert shelved() == 1


def refusing(status: HTTPStatus) -> Callable[[], None]:
    """Return an end: a refusal of this status."""

    class Refused(DomainError):
        """Not now."""

        code = "conflict"

    Refused.status = status

    def refuse() -> None:
        raise Refused

    return refuse


@pytest.mark.parametrize("status", [401, 403, 409, 429])
def test_a_refusal_that_may_pass_is_not_remembered(
    monkeypatch: pytest.MonkeyPatch, ada: Api, status: int
) -> None:
    with monkeypatch.context() as refused:
        refused.setattr(Once, "operation", put_and(refusing(HTTPStatus(status))))
        assert ada.post("/v1/once", {}, key="one").status_code == status

    again = ada.post("/v1/once", {}, key="one")

    assert (again.status_code, replayed(again)) == (201, False)
    assert shelved() == 1


def test_a_refusal_that_lasts_is_remembered_and_leaves_nothing_behind(
    monkeypatch: pytest.MonkeyPatch, ada: Api
) -> None:
    def refuse() -> None:
        raise NotFound

    with monkeypatch.context() as refused:
        refused.setattr(Once, "operation", put_and(refuse))
        first = ada.post("/v1/once", {}, key="one")

    second = ada.post("/v1/once", {}, key="one")

    assert_problem(first, 404, "not_found")
    assert_problem(second, 404, "not_found")
    assert (replayed(first), replayed(second)) == (False, True)
    assert body_of(second) == body_of(first)
    assert shelved() == 0


def test_an_answer_without_a_body_is_repeated_without_one(
    monkeypatch: pytest.MonkeyPatch, ada: Api
) -> None:
    def nothing(_request: Request) -> Response:
        return Response(status=204)

    monkeypatch.setattr(Once, "operation", nothing)
    first = ada.post("/v1/once", {}, key="one")

    second = ada.post("/v1/once", {}, key="one")

    assert (second.status_code, second.getvalue()) == (204, b"")
    assert "Content-Type" not in first
    assert "Content-Type" not in second
    assert replayed(second)


def test_a_request_whose_twin_is_being_worked_on_is_told_so(
    monkeypatch: pytest.MonkeyPatch, ada: Api
) -> None:
    began, go_on = Event(), Event()

    def slow(request: Request) -> Response:
        began.set()
        assert go_on.wait(PATIENCE)
        return put_on_shelf(request)

    monkeypatch.setattr(Once, "operation", slow)
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(_post_and_close, ada)
        assert began.wait(PATIENCE)
        second = ada.post("/v1/once", {}, key="one")
        go_on.set()

    assert first.result(PATIENCE).status_code == 201
    assert_problem(second, 409, "idempotency_in_progress")
    assert second["Retry-After"] == "1"
    assert body_of(second)["retryable"] == "same_idempotency_key"
    assert replayed(ada.post("/v1/once", {}, key="one"))
    assert shelved() == 1


def test_of_eight_at_once_seven_are_told_to_wait_and_then_get_the_one_answer(
    monkeypatch: pytest.MonkeyPatch, ada: Api
) -> None:
    began, go_on = Event(), Event()

    def slow(request: Request) -> Response:
        began.set()
        assert go_on.wait(PATIENCE)
        return put_on_shelf(request)

    monkeypatch.setattr(Once, "operation", slow)
    with ThreadPoolExecutor(CROWD) as threads:
        first = threads.submit(_post_and_close, ada)
        assert began.wait(PATIENCE)
        others = list(threads.map(_post_and_close, [ada] * (CROWD - 1)))
        go_on.set()
    again = [ada.post("/v1/once", {}, key="one") for _ in range(CROWD - 1)]

    assert [answer.status_code for answer in others] == [409] * (CROWD - 1)
    assert [replayed(answer) for answer in again] == [True] * (CROWD - 1)
    assert {body_of(answer)["number"] for answer in (first.result(), *again)} == {3}
    assert shelved() == 1


def test_of_many_at_once_with_one_key_one_has_an_effect(ada: Api) -> None:
    together = Barrier(CROWD)

    def post(_: int) -> HttpResponseBase:
        together.wait(PATIENCE)
        return _post_and_close(ada)

    with ThreadPoolExecutor(CROWD) as threads:
        answers = list(threads.map(post, range(CROWD)))

    done = [answer for answer in answers if answer.status_code == 201]
    refused = [answer for answer in answers if answer.status_code == 409]
    assert len(done) + len(refused) == CROWD
    assert [replayed(answer) for answer in done].count(False) == 1
    assert {body_of(answer)["number"] for answer in done} == {3}
    assert shelved() == 1
    assert IdempotencyKey.objects.count() == 1


@pytest.mark.parametrize(
    ("cut", "was_there"), [("before_commit", False), ("after_commit", True)]
)
def test_a_request_whose_commit_is_in_doubt_may_be_repeated(
    ada: Api, line: TcpLine, cut: Cut, was_there: bool
) -> None:
    line.cut = cut
    assert_problem(ada.post("/v1/once", {}, key="one"), 503, "outcome_unknown")
    line.cut = "never"
    close_old_connections()

    again = ada.post("/v1/once", {}, key="one")

    assert (again.status_code, replayed(again)) == (201, was_there)
    assert body_of(again)["number"] == 3
    assert shelved() == 1


def test_an_answer_is_kept_for_a_day(ada: Api) -> None:
    ada.post("/v1/once", {}, key="one")
    stored = IdempotencyKey.objects.get()

    assert stored.expires_at - stored.created_at == KEPT_FOR == timedelta(hours=24)
    assert delete_expired(now=stored.expires_at - timedelta(microseconds=1)) == 0
    assert delete_expired(now=stored.expires_at) == 1
    assert IdempotencyKey.objects.count() == 0


def test_a_key_may_be_used_anew_when_its_time_is_over(ada: Api) -> None:
    ada.post("/v1/once", {"a": 1}, key="one")
    past = IdempotencyKey.objects.get().created_at - KEPT_FOR
    IdempotencyKey.objects.update(created_at=past, expires_at=past + KEPT_FOR)

    again = ada.post("/v1/once", {"a": 2}, key="one")

    assert (again.status_code, replayed(again)) == (201, False)
    assert shelved() == 2
    assert IdempotencyKey.objects.get().expires_at > past + KEPT_FOR


def test_the_task_deletes_what_expired_and_nothing_else(ada: Api) -> None:
    ada.post("/v1/once", {}, key="one")
    IdempotencyKey.objects.update(expires_at=IdempotencyKey.objects.get().created_at)
    ada.post("/v1/once", {}, key="two")

    delete_expired_idempotency_keys()

    assert IdempotencyKey.objects.get().key == "two"


def test_somebody_who_is_not_signed_in_is_refused_first() -> None:
    response = Client().post(
        "/v1/once", json.dumps({}), "application/json", headers={"Idempotency-Key": "k"}
    )

    assert_problem(response, 401, "unauthenticated")


def _post_and_close(person: Api) -> HttpResponseBase:
    try:
        return person.post("/v1/once", {}, key="one")
    finally:
        connection.close()
