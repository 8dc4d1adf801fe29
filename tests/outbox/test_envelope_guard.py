"""PostgreSQL itself refuses to change what an event says, whoever asks."""

from typing import Any, LiteralString

import pytest
from django.db import Error as DatabaseError
from django.db import connection, transaction
from psycopg import sql

from outbox.models import OutboxEvent
from tests.outbox.events import tell_of

pytestmark = pytest.mark.django_db(transaction=True)

CHANGES: dict[str, LiteralString] = {
    "id": "id + 1",
    "lane": "(lane + 1) % 16",
    "event_id": "gen_random_uuid()",
    "type": "'opencore.user.v1.session-revoked'",
    "topic": "'opencore.billing.v1'",
    "key": "'mallory'",
    "payload": "payload || ' '::bytea",
    "headers": """'{"traceparent": "00"}'""",
    "request_id": "'request-2'",
    "occurred_at": "occurred_at + interval '1 second'",
    "created_at": "created_at - interval '1 second'",
}
DELIVERY: dict[str, LiteralString] = {
    "attempts": "attempts + 1",
    "available_at": "now()",
}


def change(column: str, value: LiteralString) -> None:
    """Change the event by hand, as an operator with a console could."""
    statement = sql.SQL("update outbox_event set {} = {}").format(
        sql.Identifier(column), sql.SQL(value)
    )
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


def the_row() -> dict[str, Any]:
    return {**OutboxEvent.objects.values().get()}


@pytest.mark.parametrize(("column", "value"), CHANGES.items(), ids=CHANGES)
def test_what_an_event_says_can_not_be_changed(
    column: str, value: LiteralString
) -> None:
    tell_of("ada")
    before = the_row()

    with pytest.raises(DatabaseError, match="never changes"):
        change(column, value)

    assert the_row() == before


@pytest.mark.parametrize(("column", "value"), DELIVERY.items(), ids=DELIVERY)
def test_how_its_delivery_goes_can_be_noted(column: str, value: LiteralString) -> None:
    tell_of("ada")
    before = the_row()

    change(column, value)

    after = the_row()
    assert after[column] != before[column]
    assert {**after, column: None} == {**before, column: None}


def test_every_column_of_an_event_is_one_of_these() -> None:
    columns = {field.column for field in OutboxEvent._meta.local_fields}

    assert columns == {*CHANGES, *DELIVERY}
