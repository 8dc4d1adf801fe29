"""The record is narrowed as it is asked for, and says how far it is proved."""

from datetime import UTC, datetime
from urllib.parse import quote, urlencode
from uuid import uuid4

import pytest

from accounts.models import AuditEntry, AuditPersonal, AuditSeal, Organization, User
from accounts.services import keep_anchor, seal_entries
from accounts.services.auditing import record
from opencore.context import Device, working_for
from tests.accounts.tampering import change_entry
from tests.api import Api, assert_problem, body_of

pytestmark = pytest.mark.django_db

NOW = datetime(2028, 2, 29, 12, tzinfo=UTC)


def note(
    organization: Organization,
    actor: User,
    action: AuditEntry.Action = AuditEntry.Action.MEMBER_REMOVED,
    outcome: AuditEntry.Outcome = AuditEntry.Outcome.DONE,
) -> AuditEntry:
    device = Device(ip="192.0.2.1", user_agent="Browser/1")
    with working_for(request_id="request-1", device=device):
        return record(
            action,
            target_id=uuid4(),
            actor_id=actor.id,
            organization_id=organization.id,
            outcome=outcome,
            justification="they asked",
        )


def listed(user: User, organization: Organization, **query: str) -> list[str]:
    """Return the ids of what the list shows."""
    path = f"/v1/orgs/{organization.id}/audit-events?{urlencode(query)}"
    answer = Api(user.id).get(path)
    assert answer.status_code == 200
    return [row["id"] for row in body_of(answer)["data"]]


def test_what_one_person_did_is_listed(
    ada: User, grace: User, acme: Organization
) -> None:
    entry = note(acme, ada)

    assert listed(grace, acme, actor_id=str(ada.id)) == [str(entry.entry_id)]


def test_what_happened_to_one_thing_is_listed(grace: User, acme: Organization) -> None:
    note(acme, grace)
    entry = note(acme, grace)

    found = listed(grace, acme, target_id=str(entry.target_id))

    assert found == [str(entry.entry_id)]


def test_several_actions_are_listed_together(grace: User, acme: Organization) -> None:
    revoked = note(acme, grace, AuditEntry.Action.INVITATION_REVOKED)
    note(acme, grace, AuditEntry.Action.INVITATION_CREATED)
    removed = note(acme, grace)

    found = listed(grace, acme, action="invitation.revoked,member.removed")

    assert found == [str(removed.entry_id), str(revoked.entry_id)]


def test_what_was_refused_is_listed(grace: User, acme: Organization) -> None:
    refused = note(acme, grace, outcome=AuditEntry.Outcome.REFUSED)
    note(acme, grace)

    assert listed(grace, acme, outcome="refused") == [str(refused.entry_id)]


def test_a_time_begins_with_its_beginning_and_ends_before_its_end(
    grace: User, acme: Organization
) -> None:
    entries = [note(acme, grace) for _ in range(3)]
    for entry, hour in zip(entries, (10, 11, 12), strict=True):
        change_entry(entry.seq, f"occurred_at = '2020-01-01T{hour}:00:00Z'")

    found = listed(
        grace,
        acme,
        **{
            "occurred_at[gte]": "2020-01-01T10:00:00Z",
            "occurred_at[lt]": "2020-01-01T13:00:00+01:00",
        },
    )

    assert found == [str(entry.entry_id) for entry in (entries[1], entries[0])]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("actor_id", "ada"),
        ("target_id", "7"),
        ("action", "member.hidden"),
        ("action", "member.added,"),
        ("outcome", "maybe"),
        ("occurred_at[gte]", "yesterday"),
        ("occurred_at[lt]", "2020-01-01T10:00:00"),
        ("occurred_at", "2020-01-01T10:00:00Z"),
        ("organization_id", "7"),
    ],
)
def test_refuses_what_it_can_not_be_asked_for(
    grace: User, acme: Organization, name: str, text: str
) -> None:
    query = f"{quote(name)}={quote(text)}"

    response = Api(grace.id).get(f"/v1/orgs/{acme.id}/audit-events?{query}")

    assert_problem(response, 400, "validation_error", f"/{name}")


def test_refuses_a_cursor_with_other_filters(grace: User, acme: Organization) -> None:
    path = f"/v1/orgs/{acme.id}/audit-events?limit=1"
    cursor = body_of(Api(grace.id).get(path))["next_cursor"]

    response = Api(grace.id).get(f"{path}&outcome=done&cursor={cursor}")

    assert_problem(response, 400, "cursor_mismatch")


def test_owners_see_where_something_was_done_from(
    grace: User, acme: Organization
) -> None:
    note(acme, grace)

    answer = body_of(Api(grace.id).get(f"/v1/orgs/{acme.id}/audit-events"))

    assert answer["data"][0]["personal"] == {
        "ip": "192.0.2.1",
        "user_agent": "Browser/1",
    }
    assert answer["data"][0]["justification"] == "they asked"


def test_nobody_sees_what_was_erased(grace: User, acme: Organization) -> None:
    entry = note(acme, grace)
    AuditPersonal.objects.filter(person_id=grace.id).delete()

    answer = body_of(Api(grace.id).get(f"/v1/orgs/{acme.id}/audit-events"))

    assert answer["data"][0]["id"] == str(entry.entry_id)
    assert answer["data"][0]["personal"] is None


def test_the_head_of_a_record_that_is_not_sealed_yet_is_empty(
    grace: User, acme: Organization
) -> None:
    answer = body_of(Api(grace.id).get(f"/v1/orgs/{acme.id}/audit-events/head"))

    assert answer == {"number": 0, "hash": None, "sealed_at": None, "anchor": None}


def test_the_head_names_the_newest_seal_and_where_kafka_has_one(
    grace: User, acme: Organization
) -> None:
    seal_entries(now=NOW)
    first = AuditSeal.objects.get(chain_id=acme.id, number=1)
    head = AuditSeal.objects.filter(chain_id=acme.id).latest("number")
    event_id = uuid4()
    keep_anchor(
        chain_id=acme.id,
        number=1,
        chain_hash=bytes(first.hash),
        event_id=event_id,
        topic="opencore.audit.v1",
        partition=3,
        offset=41,
    )

    answer = body_of(Api(grace.id).get(f"/v1/orgs/{acme.id}/audit-events/head"))

    del answer["anchor"]["anchored_at"]
    assert answer == {
        "number": 3,
        "hash": bytes(head.hash).hex(),
        "sealed_at": "2028-02-29T12:00:00Z",
        "anchor": {
            "number": 1,
            "hash": bytes(first.hash).hex(),
            "event_id": str(event_id),
            "topic": "opencore.audit.v1",
            "partition": 3,
            "offset": 41,
        },
    }
