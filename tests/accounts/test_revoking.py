"""Whatever ends a session is told to the gateways, with PostgreSQL as the witness."""

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from threading import Event
from time import monotonic
from uuid import UUID

import pytest
from django.conf import settings as configured
from django.db import transaction
from django.http.response import HttpResponseBase
from django.test import Client
from django.utils import timezone
from pytest_django import Settings
from redis import Redis

from accounts.errors import RefreshReused
from accounts.models import Organization, Session, User
from accounts.services import (
    Tokens,
    change_role,
    deactivate_user,
    end_sessions,
    log_out,
    refresh_session,
    republish_revocations,
    revoke_api_key,
)
from accounts.services.revoking import CLOCKS_DIFFER
from accounts.services.sessions import open_session
from accounts.tasks import republish_revocations as republish
from opencore.celery import app
from opencore.revocations import Revocations
from opencore.revoked import NEWS, REVOKED
from opencore.tokens import read_access
from tests.accounts.programs import key_for
from tests.api import assert_problem
from tests.ports import free_port

pytestmark = pytest.mark.django_db

Commit = Callable[..., AbstractContextManager[object]]
End = Callable[[Tokens, UUID], None]


@pytest.fixture
def now() -> datetime:
    return timezone.now()


@pytest.fixture
def tokens(ada: User, now: datetime) -> Tokens:
    """What ada got at her sign-in."""
    return open_session(user=ada, ip=None, user_agent="", now=now)


@pytest.fixture
def redis(settings: Settings) -> Iterator[Redis]:
    """Redis, with nothing revoked."""
    settings.REDIS_TIMEOUT = 10
    with Redis.from_url(settings.REDIS_URL, decode_responses=True) as client:
        client.delete(REVOKED, NEWS)
        yield client
        client.delete(REVOKED, NEWS)


def is_refused(tokens: Tokens) -> bool:
    """Tell whether a gateway would refuse the access token."""
    heard = Revocations(configured.REDIS_URL)
    heard.refresh()
    heard.close()
    return heard.include(read_access(tokens.access_token))


def by_log_out(tokens: Tokens, ada: UUID) -> None:
    log_out(refresh_token=tokens.refresh_token, now=timezone.now())


def by_an_operator(tokens: Tokens, ada: UUID) -> None:
    end_sessions(
        user_id=ada,
        reason=Session.RevokeReason.OPERATOR,
        actor_id=None,
        now=timezone.now(),
    )


def by_a_new_role(tokens: Tokens, ada: UUID) -> None:
    change_role(user_id=ada, role=User.Role.OPERATOR, actor_id=None, now=timezone.now())


def by_deactivation(tokens: Tokens, ada: UUID) -> None:
    deactivate_user(user_id=ada, actor_id=None, now=timezone.now())


EACH = pytest.mark.parametrize(
    "end", [by_log_out, by_an_operator, by_a_new_role, by_deactivation]
)


@EACH
def test_whatever_ends_a_session_is_told_once_it_is_committed(
    ada: User,
    tokens: Tokens,
    redis: Redis,
    end: End,
    django_capture_on_commit_callbacks: Commit,
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        end(tokens, ada.id)
        assert not is_refused(tokens)

    assert is_refused(tokens)


@pytest.mark.django_db(transaction=True)
def test_the_reuse_of_a_refresh_token_is_told(
    ada: User, tokens: Tokens, now: datetime, redis: Redis
) -> None:
    second = refresh_session(refresh_token=tokens.refresh_token, now=now)
    third = refresh_session(refresh_token=second.refresh_token, now=now)

    with pytest.raises(RefreshReused):
        refresh_session(refresh_token=tokens.refresh_token, now=now)

    assert is_refused(third)


def test_a_sign_in_right_after_a_new_role_is_good(
    ada: User,
    tokens: Tokens,
    redis: Redis,
    django_capture_on_commit_callbacks: Commit,
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        by_a_new_role(tokens, ada.id)

    assert not is_refused(signed_in_again(ada))


def test_a_sign_in_that_passes_a_deactivation_is_of_no_use(
    ada: User,
    tokens: Tokens,
    redis: Redis,
    django_capture_on_commit_callbacks: Commit,
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        by_deactivation(tokens, ada.id)

    assert is_refused(signed_in_again(ada, before=timedelta(seconds=1)))


def signed_in_again(ada: User, *, before: timedelta = timedelta()) -> Tokens:
    """Open another session, in a transaction that began a little before."""
    return open_session(user=ada, ip=None, user_agent="", now=timezone.now() - before)


def test_the_api_itself_refuses_an_ended_session_within_a_second_or_so(
    ada: User,
    tokens: Tokens,
    redis: Redis,
    client: Client,
    django_capture_on_commit_callbacks: Commit,
) -> None:
    def me() -> HttpResponseBase:
        bearer = {"Authorization": f"Bearer {tokens.access_token}"}
        return client.get("/v1/users/me", headers=bearer)

    assert me().status_code == 200

    with django_capture_on_commit_callbacks(execute=True):
        by_log_out(tokens, ada.id)

    deadline = monotonic() + 20
    while (answer := me()).status_code == 200:
        assert monotonic() < deadline
        Event().wait(0.05)
    assert_problem(answer, 401, "token_invalid")


def test_nothing_is_told_of_an_end_that_is_rolled_back(
    ada: User, tokens: Tokens, redis: Redis, django_capture_on_commit_callbacks: Commit
) -> None:
    with django_capture_on_commit_callbacks(execute=True), transaction.atomic():
        by_log_out(tokens, ada.id)
        transaction.set_rollback(True)

    assert not is_refused(tokens)


def test_without_redis_a_session_ends_all_the_same(
    ada: User,
    tokens: Tokens,
    settings: Settings,
    caplog: pytest.LogCaptureFixture,
    django_capture_on_commit_callbacks: Commit,
) -> None:
    caplog.set_level(logging.WARNING, "accounts.services.revoking")
    settings.REDIS_URL = f"redis://127.0.0.1:{free_port()}/0"

    with django_capture_on_commit_callbacks(execute=True):
        by_log_out(tokens, ada.id)

    assert Session.objects.get().revoked_at is not None
    assert [record.message for record in caplog.records] == [
        "gateways were not told what ended"
    ]


@EACH
def test_a_redis_that_came_back_empty_is_told_again(
    ada: User, tokens: Tokens, redis: Redis, end: End
) -> None:
    end(tokens, ada.id)
    assert not is_refused(tokens)

    republish()

    assert is_refused(tokens)


def test_what_redis_knows_is_no_news_to_it(
    ada: User,
    tokens: Tokens,
    redis: Redis,
    django_capture_on_commit_callbacks: Commit,
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        by_deactivation(tokens, ada.id)

    assert republish_revocations(now=timezone.now()) == 0


def test_a_session_is_republished_until_its_tokens_have_expired(
    ada: User, tokens: Tokens, now: datetime, redis: Redis
) -> None:
    by_log_out(tokens, ada.id)
    longest = configured.ACCESS_TOKEN_LIFETIME + CLOCKS_DIFFER
    ended_at = Session.objects.get().revoked_at or now

    assert republish_revocations(now=ended_at + longest) == 0
    assert republish_revocations(now=ended_at + longest - timedelta(seconds=1)) == 1


def test_without_redis_the_republishing_is_put_off(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "accounts.tasks")
    settings.REDIS_URL = f"redis://127.0.0.1:{free_port()}/0"

    republish()

    assert [record.message for record in caplog.records] == [
        "revocations were not republished"
    ]


def test_beat_asks_for_a_task_of_this_name() -> None:
    asked = {entry["task"] for entry in app.conf.beat_schedule.values()}

    assert republish.name in asked


def test_a_revoked_key_is_told_once_it_is_committed_and_again_to_an_empty_redis(
    grace: User,
    acme: Organization,
    redis: Redis,
    django_capture_on_commit_callbacks: Commit,
) -> None:
    key = key_for(acme, grace).key
    member = f"a:{key.id}"

    with django_capture_on_commit_callbacks(execute=True):
        revoke_api_key(
            organization_id=acme.id,
            key_id=key.id,
            actor_id=grace.id,
            now=timezone.now(),
        )
        assert redis.zscore(REVOKED, member) is None
    assert redis.zscore(REVOKED, member) is not None

    redis.delete(REVOKED, NEWS)
    republish_revocations(now=timezone.now())

    assert redis.zscore(REVOKED, member) is not None
