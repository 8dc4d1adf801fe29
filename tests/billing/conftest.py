"""Billing's people: ada is a member, grace an owner of acme, mallory an outsider."""

from collections.abc import Callable
from uuid import UUID, uuid4

import pytest

from billing.models import Customer
from billing.services import note_members, open_customer
from opencore.events import Event
from outbox.envelope import from_bytes
from outbox.models import OutboxEvent

Emitted = Callable[[], list[Event]]


@pytest.fixture
def ada() -> UUID:
    return uuid4()


@pytest.fixture
def grace() -> UUID:
    return uuid4()


@pytest.fixture
def mallory() -> UUID:
    return uuid4()


@pytest.fixture
def acme(ada: UUID, grace: UUID) -> UUID:
    """An organization that billing has heard of, with its owner and a member."""
    org_id = uuid4()
    note_members(roles={(org_id, grace): "owner", (org_id, ada): "member"})
    return org_id


@pytest.fixture
def customer(ada: UUID) -> Customer:
    """ada's customer."""
    return open_customer(user_id=ada, email="ada@example.com", actor_id=None)


@pytest.fixture
def acme_customer(acme: UUID) -> Customer:
    """acme's customer."""
    return open_customer(org_id=acme, actor_id=None)


@pytest.fixture
def emitted() -> Emitted:
    """Return what was emitted since the fixtures before this one were made."""
    before = set(OutboxEvent.objects.values_list("event_id", flat=True))

    def emitted() -> list[Event]:
        rows = OutboxEvent.objects.exclude(event_id__in=before).order_by("id")
        return [from_bytes(bytes(row.payload)).event for row in rows]

    return emitted
