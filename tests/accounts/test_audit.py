"""The record of who did what: only added to, and read page by page."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import IntegrityError, connection, transaction

from accounts.models import AuditEntry, Membership, Organization, User
from accounts.services import add_member, create_organization
from accounts.services.auditing import record
from tests.api import Api, assert_problem, body_of

pytestmark = pytest.mark.django_db


def path_of(organization: Organization) -> str:
    """Return where the record of an organization is."""
    return f"/v1/orgs/{organization.id}/audit-events"


@pytest.fixture
def entries(grace: User, acme: Organization) -> list[str]:
    """The ids of what was done in acme, newest first: seven entries."""
    for _ in range(4):
        record(
            AuditEntry.Action.MEMBER_REMOVED,
            target_id=uuid4(),
            actor_id=grace.id,
            organization_id=acme.id,
        )
    found = AuditEntry.objects.filter(organization_id=acme.id).order_by("-seq")
    return [str(entry_id) for entry_id in found.values_list("entry_id", flat=True)]


def ids(answer: Any) -> list[str]:  # noqa: ANN401 -- JSON is any shape
    """Return the ids on a page."""
    return [row["id"] for row in answer["data"]]


@pytest.mark.usefixtures("acme")
@pytest.mark.parametrize(
    "statement",
    [
        "update accounts_auditentry set actor_id = null",
        "update accounts_auditentry set actor_id = null where false",
        "delete from accounts_auditentry",
        "delete from accounts_auditentry where false",
        "truncate accounts_auditentry",
        "truncate accounts_auditentry cascade",
    ],
)
def test_the_database_only_adds_to_the_record(statement: str) -> None:
    before = list(AuditEntry.objects.order_by("seq").values())

    with (
        pytest.raises(IntegrityError, match="audit entries are only ever added"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)

    assert len(before) == 5
    assert list(AuditEntry.objects.order_by("seq").values()) == before


@pytest.mark.usefixtures("acme")
def test_an_entry_can_not_be_changed_by_its_model() -> None:
    entry = AuditEntry.objects.earliest("seq")
    action, entry.action = entry.action, "user.hidden"

    with pytest.raises(IntegrityError), transaction.atomic():
        entry.save(update_fields=["action"])
    with pytest.raises(IntegrityError), transaction.atomic():
        entry.delete()

    assert AuditEntry.objects.earliest("seq").action == action


def test_an_owner_sees_who_did_what(ada: User, grace: User, acme: Organization) -> None:
    entry = AuditEntry.objects.latest("seq")

    response = Api(grace.id).get(path_of(acme))

    answer = body_of(response)
    assert response.status_code == 200
    assert [row["action"] for row in answer["data"]] == [
        "member.added",
        "member.added",
        "organization.created",
    ]
    assert answer["data"][0] == {
        "id": str(entry.entry_id),
        "occurred_at": entry.occurred_at.isoformat().replace("+00:00", "Z"),
        "actor_id": str(grace.id),
        "actor_kind": "user",
        "on_behalf_of": None,
        "action": "member.added",
        "outcome": "done",
        "target_id": str(ada.id),
        "justification": "",
        "metadata": {"role": "member"},
        "request_id": "",
        "personal": None,
    }
    assert (answer["next_cursor"], answer["has_more"]) == (None, False)


def test_an_entry_names_the_request_that_made_it(
    grace: User, mallory: User, acme: Organization
) -> None:
    members = f"/v1/orgs/{acme.id}/members"
    made = Api(grace.id).post(members, {"user_id": str(mallory.id)})

    answer = body_of(Api(grace.id).get(path_of(acme)))

    assert made.status_code == 201
    assert answer["data"][0]["request_id"] == made["X-Request-ID"]


def test_an_admin_sees_who_did_what(mallory: User, acme: Organization) -> None:
    add_member(
        organization_id=acme.id,
        user_id=mallory.id,
        role=Membership.Role.ADMIN,
        actor_id=None,
    )

    response = Api(mallory.id).get(path_of(acme))

    assert response.status_code == 200
    assert len(body_of(response)["data"]) == 4


def test_a_member_does_not(ada: User, acme: Organization) -> None:
    assert_problem(Api(ada.id).get(path_of(acme)), 403, "forbidden")


def test_an_outsider_finds_no_record(mallory: User, acme: Organization) -> None:
    assert_problem(Api(mallory.id).get(path_of(acme)), 404, "not_found")


def test_nothing_of_another_organization_is_listed(
    grace: User, mallory: User, acme: Organization
) -> None:
    create_organization(name="Malicious", actor_id=mallory.id)

    answer = body_of(Api(grace.id).get(path_of(acme)))

    shown = AuditEntry.objects.filter(entry_id__in=ids(answer))
    assert set(shown.values_list("organization_id", flat=True)) == {acme.id}


def test_the_pages_hold_every_entry_once(
    grace: User, acme: Organization, entries: list[str]
) -> None:
    first = body_of(Api(grace.id).get(f"{path_of(acme)}?limit=3"))
    second = following(grace.id, acme, first, limit=3)
    third = following(grace.id, acme, second, limit=3)

    assert [ids(first), ids(second), ids(third)] == [
        entries[:3],
        entries[3:6],
        entries[6:],
    ]
    assert (first["has_more"], second["has_more"]) == (True, True)
    assert (third["has_more"], third["next_cursor"]) == (False, None)


def following(
    user_id: UUID,
    organization: Organization,
    answer: Any,  # noqa: ANN401 -- JSON is any shape
    *,
    limit: int,
) -> Any:  # noqa: ANN401 -- JSON is any shape
    """Return the page after a page."""
    query = f"limit={limit}&cursor={answer['next_cursor']}"
    return body_of(Api(user_id).get(f"{path_of(organization)}?{query}"))


def test_the_link_header_leads_to_the_next_page(
    grace: User, acme: Organization, entries: list[str]
) -> None:
    first = Api(grace.id).get(f"{path_of(acme)}?limit=3")
    link = first["Link"].removeprefix("<").removesuffix('>; rel="next"')

    second = Api(grace.id).get(link)

    assert ids(body_of(second)) == entries[3:6]
    assert second.has_header("Link")
    assert not Api(grace.id).get(path_of(acme)).has_header("Link")


def test_what_is_added_meanwhile_neither_doubles_nor_hides_an_entry(
    grace: User, mallory: User, acme: Organization, entries: list[str]
) -> None:
    first = body_of(Api(grace.id).get(f"{path_of(acme)}?limit=4"))
    add_member(
        organization_id=acme.id,
        user_id=mallory.id,
        role=Membership.Role.MEMBER,
        actor_id=grace.id,
    )

    second = following(grace.id, acme, first, limit=4)

    assert ids(first) + ids(second) == entries


def test_a_page_that_ends_with_the_list_is_the_last(
    grace: User, acme: Organization, entries: list[str]
) -> None:
    answer = body_of(Api(grace.id).get(f"{path_of(acme)}?limit=7"))

    assert ids(answer) == entries
    assert (answer["has_more"], answer["next_cursor"]) == (False, None)


def test_twenty_entries_are_a_page_unless_asked_otherwise(
    grace: User, acme: Organization
) -> None:
    make(acme, 98)

    answer = body_of(Api(grace.id).get(path_of(acme)))

    assert (len(answer["data"]), answer["has_more"]) == (20, True)


def make(organization: Organization, count: int) -> None:
    """Record so many things."""
    AuditEntry.objects.bulk_create(
        AuditEntry(
            action=AuditEntry.Action.MEMBER_REMOVED,
            target_id=uuid4(),
            organization_id=organization.id,
        )
        for _ in range(count)
    )


@pytest.mark.parametrize(("limit", "count"), [("1", 1), ("100", 100)])
def test_a_page_holds_one_to_a_hundred_entries(
    grace: User, acme: Organization, limit: str, count: int
) -> None:
    make(acme, 98)

    answer = body_of(Api(grace.id).get(f"{path_of(acme)}?limit={limit}"))

    assert (len(answer["data"]), answer["has_more"]) == (count, True)


@pytest.mark.parametrize(
    "limit", ["0", "101", "-1", "x", "", "1.5", "9" * 50, "%D9%A1"]
)
def test_refuses_another_limit(grace: User, acme: Organization, limit: str) -> None:
    response = Api(grace.id).get(f"{path_of(acme)}?limit={limit}")

    assert_problem(response, 400, "validation_error", "/limit")


def test_refuses_a_misspelled_parameter(grace: User, acme: Organization) -> None:
    response = Api(grace.id).get(f"{path_of(acme)}?limits=3")

    assert_problem(response, 400, "validation_error", "/limits")


@pytest.fixture
def cursor(grace: User, acme: Organization, entries: Sequence[str]) -> str:
    """A cursor to the second page of acme's record."""
    assert len(entries) == 7
    answer = body_of(Api(grace.id).get(f"{path_of(acme)}?limit=1"))
    return str(answer["next_cursor"])


def test_a_cursor_is_good_with_another_limit(
    grace: User, acme: Organization, entries: list[str], cursor: str
) -> None:
    answer = body_of(Api(grace.id).get(f"{path_of(acme)}?limit=100&cursor={cursor}"))

    assert ids(answer) == entries[1:]


@pytest.mark.parametrize("place", [0, 20, -1], ids=["head", "middle", "signature"])
def test_refuses_a_cursor_that_was_tampered_with(
    grace: User, acme: Organization, cursor: str, place: int
) -> None:
    letters = list(cursor)
    letters[place] = {"A": "B"}.get(letters[place], "A")

    response = Api(grace.id).get(f"{path_of(acme)}?cursor={''.join(letters)}")

    assert_problem(response, 400, "cursor_mismatch")


@pytest.mark.parametrize("made_up", ["x", "x.y", "%C3%A9", "W10=", ".", "", "a%00b"])
def test_refuses_a_cursor_that_was_made_up(
    grace: User, acme: Organization, made_up: str
) -> None:
    response = Api(grace.id).get(f"{path_of(acme)}?cursor={made_up}")

    assert_problem(response, 400, "cursor_mismatch")


def test_refuses_the_cursor_of_another_organization(grace: User, cursor: str) -> None:
    other = create_organization(name="Other", actor_id=grace.id)

    response = Api(grace.id).get(f"{path_of(other)}?cursor={cursor}")

    assert_problem(response, 400, "cursor_mismatch")


def test_refuses_the_cursor_of_another_list(
    grace: User, acme: Organization, cursor: str
) -> None:
    response = Api(grace.id).get(f"/v1/orgs/{acme.id}/members?cursor={cursor}")

    assert_problem(response, 400, "cursor_mismatch")
