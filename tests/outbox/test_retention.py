"""What is kept for how long: the archive by its days, the inbox by its days."""

from datetime import UTC, date, datetime, timedelta
from io import StringIO
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from outbox import retention
from outbox.models import ArchivedEvent, DeadLetter, InboxEntry
from outbox.retention import (
    drop_partitions,
    forget_handled,
    maintain,
    make_partitions,
    missing_partitions,
)
from tests.outbox.conftest import Relays
from tests.outbox.events import tell_of
from tests.outbox.letters import store_letters

pytestmark = pytest.mark.django_db(transaction=True)

DAY = timedelta(days=1)
FUTURE = date(2199, 1, 1)


def archive_one(new_relay: Relays, *, delivered_at: datetime | None = None) -> None:
    """Deliver an event, and let that have been at this time."""
    tell_of("ada")
    new_relay().relay_batch()
    if delivered_at is not None:
        ArchivedEvent.objects.update(delivered_at=delivered_at)


def partition_of_the_event() -> str:
    with connection.cursor() as cursor:
        cursor.execute("select tableoid::regclass::text from outbox_archive")
        (name,) = cursor.fetchone()
    return str(name)


def handle(*, at: datetime, count: int = 1) -> None:
    InboxEntry.objects.bulk_create(
        InboxEntry(consumer="billing", source="s", event_id=uuid4(), handled_at=at)
        for _ in range(count)
    )


def test_a_delivered_event_lies_in_the_partition_of_its_day(new_relay: Relays) -> None:
    maintain()

    archive_one(new_relay)

    assert partition_of_the_event() == f"outbox_archive_{timezone.now():%Y%m%d}"


def test_without_a_partition_an_event_is_archived_all_the_same(
    new_relay: Relays,
) -> None:
    archive_one(new_relay, delivered_at=datetime(2198, 5, 4, tzinfo=UTC))

    assert partition_of_the_event() == "outbox_archive_rest"


def test_partitions_are_made_a_week_ahead_and_once() -> None:
    assert len(missing_partitions(today=FUTURE)) == 8

    make_partitions(today=FUTURE)
    make_partitions(today=FUTURE)

    assert missing_partitions(today=FUTURE) == []
    assert missing_partitions(today=FUTURE + DAY) == [FUTURE + 8 * DAY]
    drop_partitions(before=FUTURE + 20 * DAY)


def test_a_day_whose_events_came_before_its_partition_is_left_to_the_rest(
    new_relay: Relays,
) -> None:
    noon = datetime(2199, 1, 1, 12, tzinfo=UTC)
    archive_one(new_relay, delivered_at=noon)

    make_partitions(today=FUTURE)

    assert missing_partitions(today=FUTURE) == [FUTURE]
    assert ArchivedEvent.objects.get().delivered_at == noon
    drop_partitions(before=FUTURE + 20 * DAY)
    assert ArchivedEvent.objects.count() == 0


@pytest.mark.parametrize(("days", "left"), [(31, 0), (29, 1)], ids=["older", "kept"])
def test_what_is_older_than_the_policy_is_dropped_and_nothing_else(
    new_relay: Relays, settings: Settings, days: int, left: int
) -> None:
    settings.OUTBOX_ARCHIVE_DAYS = 30
    archive_one(new_relay, delivered_at=timezone.now() - days * DAY)

    maintain()

    assert ArchivedEvent.objects.count() == left


def test_no_age_takes_a_dead_letter(settings: Settings) -> None:
    settings.OUTBOX_ARCHIVE_DAYS = settings.OUTBOX_INBOX_DAYS = 1
    store_letters(1, failed_at=timezone.now() - 3650 * DAY)

    maintain()

    assert DeadLetter.objects.waiting().count() == 1


def test_the_inbox_remembers_for_its_days(settings: Settings) -> None:
    settings.OUTBOX_INBOX_DAYS = 90
    now = timezone.now()
    handle(at=now - 91 * DAY)
    handle(at=now - 89 * DAY)

    maintain()

    assert InboxEntry.objects.get().handled_at == now - 89 * DAY


def test_the_inbox_forgets_in_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "FORGET_AT_ONCE", 2)
    now = timezone.now()
    handle(at=now - DAY, count=5)

    assert forget_handled(before=now) == 5
    assert forget_handled(before=now) == 0


def test_the_command_says_what_it_does() -> None:
    maintain()
    out = StringIO()

    call_command("outbox_maintain", "--dry-run", stdout=out)
    call_command("outbox_maintain", stdout=out)

    dry, wet = out.getvalue().splitlines()
    assert dry.startswith("0 partitions would be made; what was delivered before ")
    assert wet.startswith("0 partitions were made; ")
