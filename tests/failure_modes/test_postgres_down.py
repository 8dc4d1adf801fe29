"""PostgreSQL is down: every endpoint says so in one shape, and recovers by itself."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from tests.failure_modes.people import Person, operator_of, sign_up
from tests.failure_modes.system import Answer, System

SOMEBODY = str(uuid4())
TOPIC = "opencore.user.v1"
KEY = {"topic": TOPIC, "key": SOMEBODY, "reason": "a test"}
TICKET = f"{uuid4().hex}.{'x' * 43}"
OPERATIONS = "/v1/ops/"
# A body that is good as far as can be told without the database.
ORG = "/v1/orgs/{organization_id}"
BODIES: dict[tuple[str, str], dict[str, Any]] = {
    ("post", "/v1/auth/otp"): {"email": "ada@example.com"},
    ("post", "/v1/auth/otp/verify"): {"challenge_id": SOMEBODY, "code": "12345678"},
    ("post", "/v1/auth/mfa/verify"): {"ticket": TICKET, "code": "123456"},
    ("post", "/v1/users/me/authenticators"): {"name": "Phone"},
    ("post", "/v1/users/me/authenticators/{authenticator_id}/confirm"): {
        "code": "123456"
    },
    ("post", "/v1/auth/step-up/verify"): {"code": "123456"},
    ("post", "/v1/auth/switch-org"): {"organization_id": SOMEBODY},
    ("patch", "/v1/users/me"): {"time_zone": "Europe/Vienna"},
    ("post", "/v1/users/me/email-change"): {"email": "new@example.com"},
    ("post", "/v1/users/me/email-change/verify"): {
        "challenge_id": SOMEBODY,
        "code": "12345678",
    },
    ("patch", "/v1/users/me/sessions/{session_id}"): {"device_label": "Phone"},
    ("post", "/v1/users/me/data-requests"): {"kind": "export"},
    ("post", "/v1/orgs"): {"name": "Acme"},
    ("post", "/v1/orgs/{organization_id}/audit-exports"): {"format": "csv"},
    ("patch", "/v1/orgs/{organization_id}"): {"name": "Acme"},
    ("post", f"{ORG}/service-accounts"): {"name": "deploy"},
    ("patch", f"{ORG}/service-accounts/{{account_id}}"): {"name": "deploy"},
    ("post", f"{ORG}/api-keys"): {"name": "deploy", "scopes": ["org.read"]},
    ("post", f"{ORG}/api-keys/{{key_id}}/rotate"): {},
    ("post", "/v1/orgs/{organization_id}/members"): {"user_id": SOMEBODY},
    ("post", "/v1/orgs/{organization_id}/invitations"): {"email": "new@example.com"},
    ("post", "/v1/orgs/{organization_id}/ownership-transfer"): {"user_id": SOMEBODY},
    ("patch", "/v1/orgs/{organization_id}/members/{user_id}"): {"role": "viewer"},
    ("post", "/v1/billing/payments"): {"amount_minor": 1, "currency": "EUR"},
    ("post", "/v1/ops/impersonations"): {"user_id": SOMEBODY, "reason": "a test"},
    ("post", "/v1/ops/eventing/replays"): {},
    ("post", "/v1/ops/gateway/changes"): {"change": {}},
    ("post", "/v1/ops/eventing/keys/hold"): KEY,
    ("post", "/v1/ops/eventing/keys/release"): KEY,
    ("post", "/v1/ops/eventing/keys/skip"): KEY,
    ("post", "/v1/ops/eventing/topics/{topic}/pause"): {"reason": "a test"},
    ("post", "/v1/ops/eventing/topics/{topic}/resume"): {"reason": "a test"},
    ("post", "/v1/billing/subscriptions"): {
        "plan": "pro",
        "period_end": (datetime.now(UTC) + timedelta(days=30)).isoformat(),
    },
}
Place = tuple[str, str]
WITHIN = 5.0


def endpoints(system: System) -> list[Place]:
    """Return every operation that the API describes, and the same at the gateway."""
    paths = system.visitor().done("GET", "/openapi.json")["paths"]
    own = [(method, path) for path, methods in paths.items() for method in methods]
    return own + [
        (method, path.removeprefix("/v1"))
        for method, path in own
        if not path.startswith(OPERATIONS)
    ]


def ask(ada: Person, place: Place) -> Answer:
    method, path = place
    session = {"refresh_token": ada.refresh_token}
    known = {
        **BODIES,
        ("post", "/v1/auth/refresh"): session,
        ("post", "/v1/auth/logout"): session,
    }
    body = known.get((method, path if path.startswith("/v1") else f"/v1{path}"))
    path = re.sub(
        r"\{\w+\}", SOMEBODY, path.replace("{topic}", TOPIC).replace("{version}", "1")
    )
    return ada.visitor.ask(method.upper(), path, body, Idempotency_Key=uuid4().hex)


def verdict(answer: Answer) -> tuple[int, bool, bool, bool]:
    """Return status, whether it is a problem, says when to come back, and was quick."""
    problem = answer.headers.get("Content-Type") == "application/problem+json"
    return (
        answer.status,
        problem and {"code", "request_id", "retryable"} <= set(answer.body),
        answer.headers.get("Retry-After", "0") > "0",
        answer.seconds <= WITHIN,
    )


@pytest.mark.parametrize("hung", [False, True], ids=["killed", "hung"])
def test_every_endpoint_answers_a_problem_in_time_and_recovers(
    system: System, hung: bool
) -> None:
    ada = operator_of(system)
    places = endpoints(system)
    assert len(places) > 30

    with system.without("postgres", hung=hung), ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(lambda place: ask(ada, place), places))
        live = system.visitor().ask("GET", "/livez")
        system.until(
            lambda: system.visitor().ask("GET", "/readyz").status == 503,
            "readiness tells of it",
        )
        ready = system.visitor().ask("GET", "/readyz")

    failed = {
        place: (answer.status, answer.seconds, answer.body)
        for place, answer in zip(places, answers, strict=True)
        if verdict(answer) != (503, True, True, True)
    }
    assert failed == {}
    assert live.status == 200
    assert ready.body["reason"] == "database"
    system.until(system.is_ready, "it recovers by itself")
    assert ada.visitor.ask("GET", "/users/me").status == 200


def test_operators_see_a_page_that_says_so(system: System) -> None:
    visitor = system.visitor()
    with system.without("postgres"):
        answer = visitor.ask("GET", "/admin/", Cookie=f"sessionid={'x' * 32}")

    assert answer.status == 503
    assert answer.headers["Content-Type"].startswith("text/html")
    assert int(answer.headers["Retry-After"]) > 0


def test_nothing_that_was_answered_with_success_is_lost(system: System) -> None:
    signed_up: list[str] = []

    def go_on_signing_up(_: int) -> None:
        try:
            for _ in range(20):
                signed_up.append(sign_up(system).id)
        except (AssertionError, psycopg.Error):
            return

    with ThreadPoolExecutor(4) as threads:
        crowd = [threads.submit(go_on_signing_up, number) for number in range(4)]
        system.until(lambda: len(signed_up) >= 8, "people sign up")
        system.kill_service("postgres")
        for person in crowd:
            person.result()
    system.start_service("postgres")

    system.until(system.is_ready, "it recovers by itself")
    found = system.sql(
        "select count(*) from accounts_user where id = any(%s::uuid[])", signed_up
    )
    assert found == len(signed_up)
    system.until(
        lambda: customers_of(system, signed_up) == len(signed_up), "all are told"
    )


def customers_of(system: System, ids: list[str]) -> int:
    return int(
        system.sql(
            "select count(*) from billing_customer where user_id = any(%s::uuid[])", ids
        )
    )
