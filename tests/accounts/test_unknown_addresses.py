"""Nobody learns from an answer, or from its cost, whether an address is somebody's.

How long it takes is a bench (`signing_in`); here is what makes the time: the statements
and the hashes of a request are the same for every kind of address.
"""

import hmac
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from unittest import mock

import pytest
from django.db import connection
from django.http.response import HttpResponseBase
from django.utils import timezone
from pytest_django import Settings

from accounts.models import Challenge, User
from accounts.services import find_or_create_user, request_code
from tests.accounts.test_lock_outs import guess
from tests.accounts.visitor import Visitor, wrong_code
from tests.api import body_of

pytestmark = pytest.mark.django_db

OTP, VERIFY = "/v1/auth/otp", "/v1/auth/otp/verify"
KNOWN, UNKNOWN, DEACTIVATED = (
    f"{name}@example.com" for name in ("known", "nobody", "deactivated")
)
# The ids and dates of which no two answers have the same.
THEIR_OWN = re.compile(
    r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\w{3}, \d\d \w{3} \d{4} [\d:]{8} GMT"
)
# Django numbers them.
SAVEPOINT = re.compile(r'"s\d+_x\d+"')


@dataclass
class Seen:
    """All that somebody outside could see of a request, and what it cost inside."""

    status: int
    headers: list[tuple[str, str]]
    body: str
    statements: list[str] = field(default_factory=list)
    hashes: int = 0


@contextmanager
def counted() -> Iterator[tuple[list[str], list[str]]]:
    """Note each statement and each hash of a secret."""
    statements: list[str] = []
    hashes: list[str] = []
    digest = hmac.digest

    def note_statement(
        execute: Callable[..., object], sql: object, *rest: object
    ) -> object:
        statements.append(SAVEPOINT.sub("savepoint", str(sql)))
        return execute(sql, *rest)

    def note_hash(key: bytes, message: bytes, algorithm: str) -> bytes:
        hashes.append(str(algorithm))
        return digest(key, message, algorithm)

    with (
        connection.execute_wrapper(note_statement),
        mock.patch("hmac.digest", note_hash),
    ):
        yield statements, hashes


def seen(ask: Callable[[], HttpResponseBase]) -> Seen:
    """Return all that can be seen of a request."""
    with counted() as (statements, hashes):
        response = ask()
    return Seen(
        status=response.status_code,
        headers=[
            (name, "later" if name == "Retry-After" else own_hidden(value))
            for name, value in response.items()
        ],
        body=own_hidden(str(body_of(response))),
        statements=statements,
        hashes=len(hashes),
    )


def own_hidden(text: str) -> str:
    return THEIR_OWN.sub("its own", text)


@pytest.fixture(autouse=True)
def people() -> None:
    """Somebody, and somebody who was deactivated."""
    for email in (KNOWN, DEACTIVATED):
        find_or_create_user(email=email, actor_id=None)
    User.objects.filter(email=DEACTIVATED).update(is_active=False)


ADDRESSES = (KNOWN, UNKNOWN, DEACTIVATED)


def test_asking_for_a_code_is_the_same_for_every_address(visitor: Visitor) -> None:
    each = [seen(lambda: visitor.post(OTP, {"email": email})) for email in ADDRESSES]  # noqa: B023 -- called at once

    assert each[0].status == 202
    assert (len(each[0].statements) > 5, each[0].hashes > 0) == (True, True)
    assert each[1:] == each[:1] * 2


def test_asking_again_too_soon_is_refused_alike(visitor: Visitor) -> None:
    for email in ADDRESSES:
        visitor.post(OTP, {"email": email})

    each = [seen(lambda: visitor.post(OTP, {"email": email})) for email in ADDRESSES]  # noqa: B023 -- called at once

    assert each[0].status == 429
    assert each[1:] == each[:1] * 2


def test_a_locked_address_is_refused_alike(
    visitor: Visitor, settings: Settings
) -> None:
    settings.CODE_RESEND_AFTER, settings.CODES_PER_HOUR = timedelta(0), 1000
    now = timezone.now()
    for email in ADDRESSES:
        guess(10, now, email=email)

    each = [seen(lambda: visitor.post(OTP, {"email": email})) for email in ADDRESSES]  # noqa: B023 -- called at once

    assert each[0].status == 429
    assert each[1:] == each[:1] * 2


def test_a_wrong_code_is_refused_alike(visitor: Visitor) -> None:
    each = [seen(telling(visitor, challenge_to(email))) for email in ADDRESSES]

    assert each[0].status == 400
    assert (len(each[0].statements) > 5, each[0].hashes > 0) == (True, True)
    assert each[1:] == each[:1] * 2


def test_a_code_that_is_over_is_refused_alike(visitor: Visitor) -> None:
    challenges = [challenge_to(email) for email in ADDRESSES]
    Challenge.objects.update(expires_at=timezone.now() - timedelta(seconds=1))

    each = [seen(telling(visitor, challenge)) for challenge in challenges]

    assert each[0].status == 400
    assert each[1:] == each[:1] * 2


def challenge_to(email: str) -> Challenge:
    """Send a code to an address."""
    asked = request_code(email=email, ip=None, user_agent="", now=timezone.now())
    return Challenge.objects.get(id=asked.challenge_id)


def telling(visitor: Visitor, challenge: Challenge) -> Callable[[], HttpResponseBase]:
    """Return what tells a wrong code."""
    body = {"challenge_id": str(challenge.id), "code": wrong_code(challenge)}
    return lambda: visitor.post(VERIFY, body)
