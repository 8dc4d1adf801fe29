"""What people do to the system while it fails: sign up, open organizations, pay."""

import json
from dataclasses import dataclass
from threading import Event
from typing import Any
from uuid import uuid4

from opencore.sealing import unseal
from tests.failure_modes.system import System, Visitor, address


@dataclass
class Person:
    """Somebody who signed up."""

    id: str
    email: str
    visitor: Visitor
    refresh_token: str

    def open_organization(self, name: str = "Acme") -> str:
        """Open an organization; return its id."""
        return str(self.visitor.done("POST", "/orgs", {"name": name})["id"])

    def pay(self, amount_minor: int) -> str:
        """Record a payment; return its id."""
        body = {"amount_minor": amount_minor, "currency": "EUR"}
        key = uuid4().hex
        answer = self.visitor.done(
            "POST", "/billing/payments", body, Idempotency_Key=key
        )
        return str(answer["id"])


def sign_up(system: System, email: str = "") -> Person:
    """Sign up through the gateway with the code that the event carries."""
    email, visitor = email or address(), system.visitor()
    challenge = patiently(visitor, "/auth/otp", {"email": email})["challenge_id"]
    signed_in = patiently(
        visitor,
        "/auth/otp/verify",
        {"challenge_id": challenge, "code": code_of(system, challenge)},
    )
    visitor.token = signed_in["access_token"]
    return Person(signed_in["user"]["id"], email, visitor, signed_in["refresh_token"])


def patiently(visitor: Visitor, path: str, body: object) -> Any:  # noqa: ANN401 -- JSON is any shape
    """Post what waits while Redis can't count, as it is told to; then it must succeed."""
    for _ in range(20):
        answer = visitor.ask("POST", path, body)
        if answer.status != 429:
            break
        Event().wait(float(answer.headers["Retry-After"]))
    assert answer.status < 300, (answer.status, answer.body)
    return answer.body


def operator_of(system: System) -> Person:
    """Return somebody who runs the deployment."""
    grace = sign_up(system)
    system.sql(
        "with made as (update accounts_user set role = 'operator' where id = %s"
        " returning 1) select count(*) from made",
        grace.id,
    )
    tokens = grace.visitor.done(
        "POST", "/auth/refresh", {"refresh_token": grace.refresh_token}
    )
    grace.visitor.token = tokens["access_token"]
    return grace


def code_of(system: System, challenge: str) -> str:
    """Return the code that was sent for a challenge, from the event that carries it."""
    payload = system.sql(CODE, challenge, challenge)
    data: dict[str, Any] = json.loads(payload)["data"]
    return unseal(data["sealed_code"])


# It is on its way or has arrived; nobody waits for Kafka to learn it.
CODE = """
select payload from (
    select payload from outbox_event where key = %s
    union all
    select payload from outbox_archive where key = %s
) as either limit 1
"""
