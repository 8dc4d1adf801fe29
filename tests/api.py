"""A client of the API that is signed in, with a real access token."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from django.http.response import HttpResponseBase
from django.test import Client
from django.utils import timezone

from opencore.tokens import mint_access


@dataclass(frozen=True)
class Proof:
    """How sure it is who bears a token."""

    authenticated_at: datetime | None = None
    assurance: int = 1
    methods: Sequence[str] = ()
    impersonator_id: UUID | None = None
    read_only: bool = False


@dataclass(frozen=True)
class Api:
    """What one person can ask of the API."""

    user_id: UUID
    session_id: UUID = field(default_factory=uuid4)
    role: str = "user"
    # When they proved last who they are; a token may say nothing of it.
    proved_at: datetime | None = None
    assurance: int = 1
    org_ids: Sequence[UUID] = ()

    def get(self, path: str, **headers: str) -> HttpResponseBase:
        return Client().get(path, headers={**self._headers(), **named(headers)})

    def post(
        self, path: str, body: object = None, *, key: str | None = None
    ) -> HttpResponseBase:
        return Client().post(
            path,
            data=None if body is None else json.dumps(body),
            content_type="application/json",
            headers=self._headers(key),
        )

    def patch(self, path: str, body: object, **headers: str) -> HttpResponseBase:
        return Client().patch(
            path,
            data=json.dumps(body),
            content_type="application/json",
            headers={**self._headers(), **named(headers)},
        )

    def delete(self, path: str) -> HttpResponseBase:
        return Client().delete(path, headers=self._headers())

    def _headers(self, key: str | None = None) -> dict[str, str]:
        token = mint_access(
            user_id=self.user_id,
            session_id=self.session_id,
            role=self.role,
            org_ids=self.org_ids,
            now=timezone.now(),
            proof=Proof(self.proved_at, self.assurance),
        )
        headers = {"Authorization": f"Bearer {token}"}
        return headers if key is None else {**headers, "Idempotency-Key": key}


def named(headers: dict[str, str]) -> dict[str, str]:
    """Return headers by the names that they have on the wire."""
    return {name.replace("_", "-"): value for name, value in headers.items()}


def body_of(response: HttpResponseBase) -> Any:  # noqa: ANN401 -- JSON is any shape
    """Return what the answer says."""
    return json.loads(response.getvalue())


def assert_problem(
    response: HttpResponseBase, status: int, code: str, *pointers: str
) -> None:
    """Fail unless the answer is this problem, pointing to these parts."""
    problem = body_of(response)
    assert (response.status_code, problem["code"]) == (status, code)
    assert response["Content-Type"] == "application/problem+json"
    found = [error["pointer"] for error in problem.get("errors", [])]
    assert found == list(pointers)
