"""What `emit` promises."""

import json
from threading import Thread

import pytest
from django.db import Error as DatabaseError
from django.db import connection, connections, transaction
from django.test import override_settings

from opencore.context import working_for
from opencore.events.user.v1 import UserCreated
from outbox import publishing
from outbox.envelope import from_bytes
from outbox.models import OutboxEvent
from outbox.publishing import (
    EventTooLarge,
    EventUnknown,
    NotInTransaction,
    emit,
    emit_all,
    lane_of,
)
from tests.outbox.events import person, tell_of


def created(name: str) -> UserCreated:
    return UserCreated(user_id=person(name), email="x@example.com")


def ada() -> UserCreated:
    return UserCreated(user_id=person("ada"), email="ada@example.com")


@pytest.mark.django_db
def test_refuses_to_run_outside_a_transaction() -> None:
    with pytest.raises(NotInTransaction):
        emit(ada())

    assert OutboxEvent.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_refuses_to_run_in_autocommit() -> None:
    with pytest.raises(NotInTransaction):
        emit(ada())

    assert OutboxEvent.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_stores_the_event_with_the_transaction() -> None:
    with transaction.atomic():
        event_id = emit(ada())
        assert OutboxEvent.objects.count() == 0

    row = OutboxEvent.objects.get()
    assert (row.event_id, row.type, row.topic, row.key) == (
        event_id,
        "opencore.user.v1.user-created",
        "opencore.user.v1",
        str(person("ada")),
    )


@pytest.mark.django_db(transaction=True)
def test_stores_nothing_when_the_transaction_rolls_back() -> None:
    with pytest.raises(ZeroDivisionError):
        _emit_and_fail()

    assert OutboxEvent.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_forgets_what_a_rolled_back_savepoint_emitted() -> None:
    with transaction.atomic():
        kept = emit(ada())
        with pytest.raises(ZeroDivisionError):
            _emit_and_fail()

    assert OutboxEvent.objects.get().event_id == kept


@pytest.mark.django_db(transaction=True)
def test_a_rollback_leaves_nothing_for_the_next_transaction() -> None:
    with pytest.raises(ZeroDivisionError):
        _emit_and_fail()

    kept = tell_of("grace")

    assert OutboxEvent.objects.get().event_id == kept


@pytest.mark.django_db(transaction=True)
@override_settings(OUTBOX_MAX_EVENT_BYTES=300)
def test_refuses_an_event_that_is_too_large_and_keeps_the_transaction_usable() -> None:
    with transaction.atomic(), pytest.raises(EventTooLarge):
        emit(UserCreated(user_id=person("ada"), email="a" * 400))

    assert OutboxEvent.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_refuses_an_event_that_is_not_in_the_catalogue() -> None:
    class Rumor(UserCreated):
        """Nobody published this."""

    with transaction.atomic(), pytest.raises(EventUnknown):
        emit(Rumor(user_id=person("ada"), email="ada@example.com"))

    assert OutboxEvent.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_an_insert_that_fails_takes_the_change_with_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(publishing, "lane_of", lambda _: 70_000)  # not a smallint

    with pytest.raises(DatabaseError), transaction.atomic():
        emit(ada())

    assert OutboxEvent.objects.count() == 0
    assert connection.get_autocommit()


@pytest.mark.django_db(transaction=True)
def test_the_payload_is_a_cloud_event_with_the_request_it_belongs_to() -> None:
    with working_for(request_id="request-1"), transaction.atomic():
        event_id = emit(ada())

    row = OutboxEvent.objects.get()
    payload = json.loads(bytes(row.payload))
    assert row.request_id == "request-1"
    assert {name: payload[name] for name in payload if name != "time"} == {
        "specversion": "1.0",
        "id": str(event_id),
        "source": "https://opencore.invalid/user",
        "type": "opencore.user.v1.user-created",
        "subject": f"user/{person('ada')}",
        "datacontenttype": "application/json",
        "partitionkey": str(person("ada")),
        "correlationid": "request-1",
        "data": {"user_id": str(person("ada")), "email": "ada@example.com"},
    }


@pytest.mark.django_db(transaction=True)
def test_the_envelope_never_changes_after_the_commit() -> None:
    tell_of("ada")

    with pytest.raises(DatabaseError, match="never changes"):
        OutboxEvent.objects.update(payload=b"{}")


@pytest.mark.django_db(transaction=True)
def test_events_of_one_transaction_keep_the_order_in_which_they_were_emitted() -> None:
    with transaction.atomic():
        emitted = [emit(ada()) for _ in range(50)]

    stored = OutboxEvent.objects.order_by("id").values_list("event_id", flat=True)
    assert list(stored) == emitted


@pytest.mark.django_db(transaction=True)
def test_many_events_are_stored_in_their_order_and_of_one_moment() -> None:
    with working_for(request_id="request-1"), transaction.atomic():
        emitted = emit_all([ada(), ada(), *(created(str(name)) for name in range(48))])

    stored = list(OutboxEvent.objects.order_by("id"))
    assert [row.event_id for row in stored] == emitted
    assert {row.request_id for row in stored} == {"request-1"}
    assert len({row.occurred_at for row in stored}) == 1
    events = [from_bytes(bytes(row.payload)) for row in stored]
    assert [event.event_id for event in events] == emitted
    assert [str(event.event.key) for event in events] == [row.key for row in stored]
    assert [row.lane for row in stored] == [lane_of(row.key) for row in stored]


@pytest.mark.django_db(transaction=True)
@override_settings(OUTBOX_MAX_EVENT_BYTES=500)
def test_of_many_events_one_that_is_refused_leaves_none() -> None:
    too_large = UserCreated(user_id=person("grace"), email="a" * 600)

    with transaction.atomic(), pytest.raises(EventTooLarge):
        emit_all([ada(), too_large])

    assert OutboxEvent.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_to_tell_nothing_is_no_error() -> None:
    with transaction.atomic():
        assert emit_all([]) == []

    assert OutboxEvent.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_two_transactions_with_the_same_keys_in_opposite_order_do_not_deadlock() -> (
    None
):
    errors: list[Exception] = []

    def write(names: list[str]) -> None:
        try:
            for _ in range(20):
                with transaction.atomic():
                    for name in names:
                        emit(UserCreated(user_id=person(name), email="x@example.com"))
        except DatabaseError as error:
            errors.append(error)
        finally:
            connections.close_all()

    people = ["ada", "grace", "mallory"]
    threads = [Thread(target=write, args=(order,)) for order in (people, people[::-1])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)

    assert errors == []
    assert OutboxEvent.objects.count() == 120


def _emit_and_fail() -> None:
    with transaction.atomic():
        emit(ada())
        raise ZeroDivisionError
