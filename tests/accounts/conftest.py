"""Accounts' people: ada is a member of acme, grace its owner, mallory an outsider."""

from collections.abc import Callable
from ipaddress import IPv6Address
from uuid import UUID, uuid4

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import AuditEntry, Membership, Organization, User
from accounts.services import (
    add_member,
    change_role,
    create_organization,
    find_or_create_user,
)
from opencore.events import Event
from outbox.envelope import from_bytes
from outbox.models import OutboxEvent
from tests.accounts.visitor import Visitor

Emitted = Callable[[], list[Event]]
Entry = tuple[str, UUID | None, UUID, UUID | None, dict[str, str]]
Recorded = Callable[[], list[Entry]]


@pytest.fixture
def ada() -> User:
    return find_or_create_user(email="ada@example.com", actor_id=None)


@pytest.fixture
def grace() -> User:
    return find_or_create_user(email="grace@example.com", actor_id=None)


@pytest.fixture
def mallory() -> User:
    return find_or_create_user(email="mallory@example.com", actor_id=None)


@pytest.fixture
def acme(ada: User, grace: User) -> Organization:
    """An organization that grace owns, with ada as a member."""
    organization = create_organization(name="Acme", actor_id=grace.id)
    add_member(
        organization_id=organization.id,
        user_id=ada.id,
        role=Membership.Role.MEMBER,
        actor_id=grace.id,
    )
    return organization


@pytest.fixture
def visitor() -> Visitor:
    """Somebody who is not signed in, at an address that no brake has counted."""
    network = 0x20010DB8 << 96 | uuid4().time_low << 64
    return Visitor(address=str(IPv6Address(network + 1)))


@pytest.fixture
def emitted() -> Emitted:
    """Return what was emitted since the fixtures before this one were made."""
    before = set(OutboxEvent.objects.values_list("event_id", flat=True))

    def emitted() -> list[Event]:
        rows = OutboxEvent.objects.exclude(event_id__in=before).order_by("id")
        return [from_bytes(bytes(row.payload)).event for row in rows]

    return emitted


@pytest.fixture
def recorded() -> Recorded:
    """Return what was recorded since the fixtures before this one were made."""
    before = list(AuditEntry.objects.values_list("seq", flat=True))

    def recorded() -> list[Entry]:
        entries = AuditEntry.objects.exclude(seq__in=before).order_by("seq")
        return [
            (
                entry.action,
                entry.actor_id,
                entry.target_id,
                entry.organization_id,
                entry.metadata,
            )
            for entry in entries
        ]

    return recorded


@pytest.fixture
def operator(client: Client) -> User:
    """The operator that the client is signed in as."""
    # By a name of their own, for sign-ins are counted by name.
    user = find_or_create_user(email=f"{uuid4().hex}@example.com", actor_id=None)
    change_role(
        user_id=user.id, role=User.Role.OPERATOR, actor_id=None, now=timezone.now()
    )
    user.refresh_from_db()
    client.force_login(user)
    return user
