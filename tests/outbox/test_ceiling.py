"""Above a ceiling new events are refused; without one they never are."""

from collections.abc import Iterator
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import transaction
from django.utils import timezone
from pytest_django import Settings

from accounts.models import Challenge, User
from accounts.services import find_or_create_user
from opencore.context import working_for
from outbox.ceiling import OutboxBacklog, ceiling
from outbox.models import OutboxEvent
from tests.api import Api, assert_problem
from tests.outbox.events import tell_of, tell_session_ended

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _known_to_nobody() -> Iterator[None]:
    ceiling.forget()
    yield
    ceiling.forget()


def let_wait(number: int, *, for_seconds: float = 0.0) -> None:
    """Let so many events wait, the oldest since so long."""
    stored = timezone.now() - timedelta(seconds=for_seconds)
    OutboxEvent.objects.bulk_create(
        OutboxEvent(
            id=place,
            lane=place % 16,
            event_id=uuid4(),
            type="t",
            topic="t",
            key="k",
            payload=b"",
            occurred_at=stored,
            created_at=stored,
        )
        for place in range(1, number + 1)
    )


def test_without_a_ceiling_nothing_is_refused() -> None:
    let_wait(3, for_seconds=86400)

    tell_of("ada")

    assert OutboxEvent.objects.count() == 4


def test_at_the_ceiling_events_are_taken(settings: Settings) -> None:
    settings.OUTBOX_BACKLOG_CEILING = 3
    let_wait(3)

    tell_of("ada")

    assert OutboxEvent.objects.count() == 4


@pytest.mark.parametrize(
    ("ceiling_of", "age"), [(3, 0.0), (0, 60.0)], ids=["count", "age"]
)
def test_above_the_ceiling_events_are_refused_with_their_change(
    settings: Settings, ceiling_of: int, age: float
) -> None:
    settings.OUTBOX_BACKLOG_CEILING, settings.OUTBOX_BACKLOG_AGE = ceiling_of, age
    let_wait(4, for_seconds=61)

    with pytest.raises(OutboxBacklog), transaction.atomic():
        find_or_create_user(email="ada@example.com", actor_id=None)

    assert (User.objects.count(), OutboxEvent.objects.count()) == (0, 4)


def test_what_an_event_causes_is_taken_above_the_ceiling(settings: Settings) -> None:
    settings.OUTBOX_BACKLOG_CEILING = 1
    let_wait(2)

    with working_for(request_id=None, causation_id=uuid4()):
        tell_of("ada")

    assert OutboxEvent.objects.count() == 3


def test_ending_a_session_is_not_put_off(settings: Settings) -> None:
    settings.OUTBOX_BACKLOG_CEILING = 1
    let_wait(2)

    tell_session_ended("ada")

    assert OutboxEvent.objects.count() == 3


def test_the_backlog_is_looked_at_again_after_a_second(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    monkeypatch.setattr("outbox.ceiling.monotonic", lambda: now)
    settings.OUTBOX_BACKLOG_CEILING = 1
    let_wait(2)
    with pytest.raises(OutboxBacklog):
        tell_of("ada")
    OutboxEvent.objects.all().delete()

    now = 0.9
    with pytest.raises(OutboxBacklog):
        tell_of("ada")
    now = 1.0
    tell_of("ada")

    assert OutboxEvent.objects.count() == 1


def test_a_client_is_told_when_to_come_back_and_nothing_is_changed(
    settings: Settings,
) -> None:
    ada = find_or_create_user(email="ada@example.com", actor_id=None)
    OutboxEvent.objects.all().delete()
    settings.OUTBOX_BACKLOG_CEILING = 1
    let_wait(2)

    response = Api(ada.id).post("/v1/orgs", {"name": "Acme"})

    assert_problem(response, 503, "outbox_backlog")
    assert 30 <= int(response["Retry-After"]) <= 60
    assert Api(ada.id).get("/v1/orgs").status_code == 200
    assert Challenge.objects.count() == 0
    assert OutboxEvent.objects.count() == 2
