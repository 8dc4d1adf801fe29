"""Somebody whose name is nowhere else, and the places in the database that say it."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.utils import timezone

from accounts.models import (
    ApiKey,
    Authenticator,
    DataRequest,
    Invitation,
    Membership,
    Organization,
    RecoveryCode,
    User,
)
from accounts.services import add_member, request_data
from billing.models import Payment
from billing.providers.manual import ManualProvider
from billing.services import open_customer, record_payment
from notifications.handlers import confirm_data_request, welcome_new_user
from opencore.events.user.v1 import DataRequested
from opencore.ids import uuid7
from opencore.models import IdempotencyKey
from outbox.envelope import from_bytes
from outbox.models import DeadLetter, OutboxEvent

ASKED = timezone.now()
WEEK = timedelta(days=7)

EMAIL = "canary.yellow@birds.example"
NAME = "Canary Yellowbird"
IP = "203.0.113.77"
AGENT = "YellowBrowser/7"
TRACES = ("canary", "yellow", "203.0.113.77")

COLUMNS = """
select c.table_name, c.column_name, c.data_type
from information_schema.columns c
join pg_class t on t.oid = format('%I.%I', c.table_schema, c.table_name)::regclass
where c.table_schema = current_schema() and t.relkind = 'r'
    and c.data_type in ('text', 'character varying', 'character', 'json', 'jsonb',
                        'bytea', 'inet', 'ARRAY')
"""


def places_with(traces: Iterable[str] = TRACES) -> set[str]:
    """Return the columns, as `table.column`, in which any row holds a trace."""
    patterns = [f"%{trace}%" for trace in traces]
    with connection.cursor() as cursor:
        cursor.execute(COLUMNS, None)
        found = set()
        for table, column, kind in cursor.fetchall():
            shown = "encode({}, 'escape')" if kind == "bytea" else "{}::text"
            text = shown.format(f'"{column}"')
            cursor.execute(
                f'select exists (select from "{table}" where {text} ilike any(%s))',  # noqa: S608 -- names of the catalog
                [patterns],
            )
            if cursor.fetchone() == (True,):
                found.add(f"{table}.{column}")
        return found


def ask_for(user: User, kind: DataRequest.Kind) -> DataRequest:
    return request_data(user_id=user.id, kind=kind, actor_id=user.id, now=ASKED)


def belong(user: User, organization: Organization) -> None:
    """Let them be a member, with factors, a key, and an invitation elsewhere."""
    add_member(
        organization_id=organization.id,
        user_id=user.id,
        role=Membership.Role.MEMBER,
        actor_id=None,
    )
    Authenticator.objects.create(user=user, name="Yellow phone", sealed_secret="x")
    RecoveryCode.objects.create(user=user, prefix="yellow", code_hash="x")
    ApiKey.objects.create(
        organization=organization,
        user=user,
        name="yellow",
        prefix="p",
        secret_hmac=b"",
        scopes=[],
        created_by=user.id,
    )
    Invitation.objects.create(
        organization=organization,
        email=EMAIL.upper(),
        role="member",
        token_hmac=b"",
        invited_by=user.id,
        sent_at=ASKED,
        expires_at=ASKED + WEEK,
    )


def pay(user: User) -> Payment:
    """Let them be billed, and repeat a request about it."""
    customer = open_customer(user_id=user.id, email=EMAIL, actor_id=None)
    IdempotencyKey.objects.create(
        principal=str(user.id),
        method="POST",
        route="x",
        key="k",
        fingerprint=b"",
        status=201,
        body=NAME.encode(),
        created_at=ASKED,
        expires_at=ASKED + WEEK,
    )
    return record_payment(
        customer_id=customer.id,
        user_id=user.id,
        amount_minor=1999,
        currency="EUR",
        description="One month",
        provider=ManualProvider(),
        actor_id=None,
    )


def be_told(user: User, request: DataRequest) -> None:
    """Let notifications hear of them, and an operator change them."""
    created = next(event for event in told() if getattr(event, "email", None) == EMAIL)
    welcome_new_user(created, uuid7())
    confirm_data_request(
        DataRequested(
            user_id=user.id,
            request_id=request.id,
            kind="erasure",
            not_before=request.not_before,
        ),
        uuid7(),
    )
    LogEntry.objects.create(
        user=user,
        action_flag=CHANGE,
        object_id=str(user.id),
        object_repr=str(user),
        change_message=f"was {NAME}",
        content_type=ContentType.objects.get_for_model(User),
    )


def told() -> list[Any]:
    rows = OutboxEvent.objects.order_by("id")
    return [from_bytes(bytes(row.payload)).event for row in rows]


def deliver_all(user: User) -> None:
    """Let Kafka have taken all events; one of them failed elsewhere."""
    row = OutboxEvent.objects.get(type__endswith=".user-created", key=str(user.id))
    DeadLetter.objects.create(
        scope="billing",
        event_id=row.event_id,
        type=row.type,
        topic=row.topic,
        key=row.key,
        payload=bytes(row.payload),
        attempts=1,
        reason="permanent",
        error="a test",
    )
    with connection.cursor() as cursor:
        cursor.execute(
            "insert into outbox_archive (id, lane, event_id, type, topic, key, payload,"
            " headers, request_id, occurred_at, created_at, attempts, delivered_at)"
            " select id, lane, event_id, type, topic, key, payload, headers, null,"
            " occurred_at, created_at, attempts, '2000-01-01' from outbox_event"
        )
        cursor.execute("delete from outbox_event")
