"""An operator takes the trust from a key of tokens: recorded, told, never forgotten."""

import logging
from collections.abc import Iterator
from io import StringIO

import pytest
from django.conf import settings as configured
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import DatabaseError, transaction
from pytest_django import Settings
from redis import Redis

from opencore.celery import app
from opencore.models import RevokedKey
from opencore.revocations import RevocationsUnavailable
from opencore.revoked import NEWS, REVOKED
from opencore.revoked_keys import republish_keys
from opencore.tasks import republish_revoked_keys
from opencore.tokens import kid_of
from tests.ports import free_port

pytestmark = pytest.mark.django_db

KID = "stolen-key"
WHY = ("--execute", "--reason", "it stood in a log", "--actor", "grace")
REFUSED = "Gateways refuse every access token that stolen-key signed;"


@pytest.fixture
def redis(settings: Settings) -> Iterator[Redis]:
    """Redis, with nothing revoked."""
    settings.REDIS_TIMEOUT = 10
    with Redis.from_url(settings.REDIS_URL, decode_responses=True) as client:
        client.delete(REVOKED, NEWS)
        yield client
        client.delete(REVOKED, NEWS)


def type_in(*arguments: str) -> str:
    """Run the command and return what it says."""
    out = StringIO()
    call_command("revoke_key", *arguments, stdout=out)
    return out.getvalue()


def is_told(redis: Redis) -> bool:
    return redis.zscore(REVOKED, f"k:{KID}") is not None


def test_says_what_would_be_done_and_does_nothing(redis: Redis) -> None:
    assert type_in(KID) == (
        "Gateways would refuse every access token that stolen-key signed; it is no key"
        ' of the settings. Add --execute --reason "…" to do it.\n'
    )

    assert not is_told(redis)
    assert not RevokedKey.objects.exists()


def test_revokes_a_key_at_once_and_records_who_decided_it_why(redis: Redis) -> None:
    said = type_in(KID, *WHY)

    assert said == f"{REFUSED} it is no key of the settings.\n"
    assert is_told(redis)
    recorded = RevokedKey.objects.get()
    assert (recorded.kid, recorded.actor, recorded.reason) == (
        KID,
        "grace",
        "it stood in a log",
    )


def test_revoking_a_key_twice_is_revoking_it_once(redis: Redis) -> None:
    type_in(KID, *WHY)

    type_in(KID, "--execute", "--reason", "once more")

    assert RevokedKey.objects.get().reason == "it stood in a log"


@pytest.mark.parametrize("reason", ["", " "])
def test_needs_a_reason(redis: Redis, reason: str) -> None:
    with pytest.raises(CommandError, match="needs a reason"):
        type_in(KID, "--execute", "--reason", reason)

    assert not is_told(redis)
    assert not RevokedKey.objects.exists()


@pytest.mark.parametrize("kid", ["", "a key", "k:x", "x" * 33])
def test_refuses_what_is_no_name_of_a_key(kid: str) -> None:
    with pytest.raises(CommandError, match="letters, digits"):
        type_in(kid, *WHY)


def test_warns_that_the_key_signs_the_new_tokens_too(redis: Redis) -> None:
    said = type_in(kid_of(configured.JWT_SIGNING_KEY))

    assert "it signs the new tokens, too, until JWT_SIGNING_KEY is changed." in said


def test_knows_the_keys_that_were_used_before(redis: Redis, settings: Settings) -> None:
    before = "before-" + "0123456789abcdef" * 4
    settings.JWT_PREVIOUS_SIGNING_KEYS = [before]

    assert "it is one of JWT_PREVIOUS_SIGNING_KEYS." in type_in(kid_of(before))


def test_without_redis_it_is_recorded_and_told_when_redis_is_back(
    redis: Redis, settings: Settings
) -> None:
    url, settings.REDIS_URL = settings.REDIS_URL, nowhere()
    with pytest.raises(CommandError, match="it is recorded"):
        type_in(KID, *WHY)

    settings.REDIS_URL = url
    republish_revoked_keys()

    assert is_told(redis)


def nowhere() -> str:
    """Return the address of no Redis."""
    return f"redis://127.0.0.1:{free_port()}/0"


def test_what_redis_knows_is_no_news_to_it(redis: Redis) -> None:
    type_in(KID, *WHY)

    assert republish_keys() == 0


def test_without_redis_the_republishing_is_put_off(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "opencore.tasks")
    settings.REDIS_URL = nowhere()

    republish_revoked_keys()

    assert [record.message for record in caplog.records] == [
        "revoked keys were not republished"
    ]
    with pytest.raises(RevocationsUnavailable):
        republish_keys()


def test_a_revoked_key_stays_so(redis: Redis) -> None:
    type_in(KID, *WHY)

    with pytest.raises(DatabaseError, match="only ever added"), transaction.atomic():
        RevokedKey.objects.all().delete()

    assert RevokedKey.objects.get().kid == KID


def test_beat_asks_for_a_task_of_this_name() -> None:
    asked = {entry["task"] for entry in app.conf.beat_schedule.values()}

    assert republish_revoked_keys.name in asked
