"""What is recorded, and of what it costs the change."""

from uuid import UUID, uuid4

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from accounts.models import AuditEntry, AuditPersonal
from accounts.selectors.chain import digest_of
from accounts.services.auditing import record
from opencore.context import Actor, Device, act_as, working_for
from opencore.errors import NotFound

pytestmark = pytest.mark.django_db

ADA = UUID(int=7)
ACME = UUID(int=8)
BROWSER = Device(ip="192.0.2.1", user_agent="Browser/1")


def note(actor_id: UUID | None = ADA) -> AuditEntry:
    return record(
        AuditEntry.Action.MEMBER_ADDED,
        target_id=uuid4(),
        actor_id=actor_id,
        organization_id=ACME,
        justification="she asked",
        role="member",
    )


def test_an_entry_is_returned_as_it_is_stored() -> None:
    with working_for(request_id="request-1", device=BROWSER):
        entry = note()

    stored = AuditEntry.objects.get(seq=entry.seq)
    names = [field.attname for field in AuditEntry._meta.concrete_fields]
    assert [_plain(getattr(entry, name)) for name in names] == [
        _plain(getattr(stored, name)) for name in names
    ]
    assert (stored.justification, stored.request_id) == ("she asked", "request-1")


def _plain(value: object) -> object:
    return bytes(value) if isinstance(value, memoryview) else value


def test_what_is_personal_stands_beside_the_entry_bound_by_a_digest() -> None:
    with working_for(request_id="request-1", device=BROWSER):
        entry = note()

    personal = AuditPersonal.objects.get(entry_id=entry.seq)
    assert personal.data == {"ip": "192.0.2.1", "user_agent": "Browser/1"}
    assert (personal.person_id, personal.organization_id) == (ADA, ACME)
    assert entry.personal_digest == digest_of(bytes(personal.salt), personal.data)


def test_the_digests_of_equal_personal_parts_differ() -> None:
    with working_for(request_id="request-1", device=BROWSER):
        first, second = note(), note()

    assert first.personal_digest != second.personal_digest


def test_without_a_device_nothing_personal_is_kept() -> None:
    entry = note()

    assert AuditPersonal.objects.filter(entry_id=entry.seq).count() == 0
    assert AuditEntry.objects.get(seq=entry.seq).personal_digest is None


def test_nothing_goes_to_the_database_beside_the_one_statement() -> None:
    with (
        working_for(request_id="request-1", device=BROWSER),
        CaptureQueriesContext(connection) as queries,
    ):
        note()

    # The statement itself goes past Django's log.
    assert [query["sql"] for query in queries] == []


def test_an_entry_vanishes_with_the_change_that_failed() -> None:
    with pytest.raises(NotFound), transaction.atomic():
        note_and_fail()

    assert (AuditEntry.objects.count(), AuditPersonal.objects.count()) == (0, 0)


def note_and_fail() -> None:
    with working_for(request_id="request-1", device=BROWSER):
        note()
    raise NotFound


def test_staff_who_act_as_a_person_are_named_beside_the_person() -> None:
    staff, key = uuid4(), uuid4()
    with working_for(request_id="request-1"):
        act_as(Actor(kind="staff", actor_id=staff, on_behalf_of=ADA, session_id=key))
        entry = note()

    assert (entry.actor_kind, entry.actor_id) == ("staff", staff)
    assert (entry.on_behalf_of, entry.session_id) == (ADA, key)


@pytest.mark.parametrize(
    ("actor_id", "kind"), [(None, "system"), (ADA, "user")], ids=["nobody", "person"]
)
def test_without_a_request_the_kind_of_actor_follows_from_its_name(
    actor_id: UUID | None, kind: str
) -> None:
    assert note(actor_id).actor_kind == kind
