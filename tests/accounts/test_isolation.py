"""PostgreSQL itself keeps what belongs to one organization or person from others."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.models import Model
from django.urls import path
from pytest_django import Settings
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import Invitation, Membership, Organization, User
from opencore.tenancy import (
    Tenancy,
    confined,
)
from tests.accounts.tenants import (
    SHARED,
    owned_models,
    rows_of,
    tables_of_requests,
)
from tests.api import Api, body_of
from tests.authorization.asking import ask, operations
from tests.authorization.callers import Caller
from tests.authorization.entries import all_entries
from tests.authorization.entry import Entry
from tests.authorization.world import make_world

pytestmark = pytest.mark.django_db
REFUSED = "row-level security|permission denied"
OWNED = sorted(
    (model for model in owned_models() if model._meta.db_table not in SHARED),
    key=lambda model: model.__name__,
)
IN_ORGANIZATIONS = [
    entry
    for entry in all_entries()
    if "{organization_id}" in operations()[entry.operation][1]
]
Rows = dict[type[Model], Model]
Shown = Callable[[Organization, User], Tenancy]


@pytest.fixture
def mallory() -> User:
    return User.objects.create(email="mallory@example.com")


@pytest.fixture
def globex(mallory: User) -> Organization:
    return Organization.objects.create(name="Globex", created_by=mallory.id)


@pytest.fixture
def theirs(globex: Organization, mallory: User) -> Rows:
    """A row of mallory's or her organization's in every table."""
    return rows_of(globex, mallory)


@pytest.fixture
def ours(acme: Organization, ada: User) -> Tenancy:
    """What a request of ada's in her own organization has proved."""
    return Tenancy(user_id=ada.id, organization_id=acme.id)


@contextmanager
def taken_back(tenancy: Tenancy) -> Iterator[None]:
    """Let what a request would do be taken back."""
    with confined(tenancy), transaction.atomic():
        yield
        transaction.set_rollback(True)


def run(sql: str, *values: object) -> int:
    """Return how many rows a statement finds or changes."""
    with connection.cursor() as cursor:
        cursor.execute(sql, [*values])  # type: ignore[list-item]  # -- any value that psycopg adapts
        return int(cursor.rowcount)


def change(tenancy: Tenancy, sql: str, *values: object) -> int:
    """Return how many rows a statement changes, none if it is refused."""
    try:
        with taken_back(tenancy):
            return run(sql, *values)
    except DatabaseError as error:
        if not re.search(REFUSED, str(error)):
            raise
        return 0


def slip(tenancy: Tenancy, model: type[Model], row: str) -> int:
    """Return how many rows an insertion adds, none if it is refused."""
    table = model._meta.db_table
    return change(
        tenancy,
        f"insert into {table} select (jsonb_populate_record(null::{table}, %s)).*",
        row,
    )


def found(tenancy: Tenancy, row: Model) -> int:
    """Return how often a request finds a row by its key."""
    table, key = row._meta.db_table, row._meta.pk.column
    with taken_back(tenancy):
        return run(f"select from {table} where {key} = %s", row.pk)


def copy_of(row: Model) -> str:
    """Return a row as JSON, under another key."""
    table, key = row._meta.db_table, row._meta.pk.column
    with connection.cursor() as cursor:
        cursor.execute(
            f"select to_jsonb(t) from {table} t where {key} = %s",  # noqa: S608 -- as above
            [row.pk],
        )
        (data,) = cursor.fetchone()
    said: dict[str, Any] = json.loads(data)
    fresh = 2**40 if isinstance(row.pk, int) else str(uuid4())
    return json.dumps({**said, key: fresh})


def test_a_table_that_requests_use_is_guarded_or_shared_on_purpose() -> None:
    with connection.cursor() as cursor:
        cursor.execute("select relname from pg_class where relrowsecurity")
        guarded = {name for (name,) in cursor.fetchall()}

    # What waits in the outbox is only added to.
    assert tables_of_requests() - guarded == {*SHARED, "outbox_event"}


def test_the_tables_of_tenants_that_requests_use_all_have_a_row_here(
    theirs: Rows,
) -> None:
    used = tables_of_requests()

    assert {model for model in OWNED if model._meta.db_table in used} == set(theirs)


def test_who_may_see_a_row_finds_it(
    theirs: Rows, globex: Organization, mallory: User
) -> None:
    at_home = Tenancy(user_id=mallory.id, organization_id=globex.id)

    assert {
        model: found(at_home, row) for model, row in theirs.items()
    } == dict.fromkeys(theirs, 1)


@pytest.mark.parametrize(
    "nobody", [Tenancy(), Tenancy(user_id=uuid4(), organization_id=uuid4())]
)
def test_who_proved_nothing_finds_no_row(theirs: Rows, nobody: Tenancy) -> None:
    assert {
        model: found(nobody, row) for model, row in theirs.items()
    } == dict.fromkeys(theirs, 0)


def test_no_row_of_others_is_found(theirs: Rows, ours: Tenancy) -> None:
    assert {model: found(ours, row) for model, row in theirs.items()} == dict.fromkeys(
        theirs, 0
    )


@pytest.mark.parametrize(
    "deed", ["update {table} set {key} = {key}", "delete from {table}"]
)
def test_no_row_of_others_is_changed(theirs: Rows, ours: Tenancy, deed: str) -> None:
    changed = {
        model: change(
            ours,
            deed.format(table=row._meta.db_table, key=row._meta.pk.column)
            + f" where {row._meta.pk.column} = %s",
            row.pk,
        )
        for model, row in theirs.items()
    }

    assert changed == dict.fromkeys(theirs, 0)


# Where a statement reads no column, PostgreSQL asks no policy about reading.
@pytest.mark.parametrize(
    "deed", ["update {table} set {key} = null", "delete from {table}"]
)
def test_who_proved_nothing_changes_no_row_unseen(theirs: Rows, deed: str) -> None:
    changed = {
        model: change(
            Tenancy(),
            deed.format(table=row._meta.db_table, key=row._meta.pk.column),
        )
        for model, row in theirs.items()
    }

    assert changed == dict.fromkeys(theirs, 0)


def test_no_row_is_slipped_to_others(theirs: Rows, ours: Tenancy) -> None:
    copies = {
        model: copy_of(theirs[model]) if model in theirs else "{}" for model in OWNED
    }

    added = {model: slip(ours, model, row) for model, row in copies.items()}

    assert added == dict.fromkeys(OWNED, 0)


def test_what_waits_for_kafka_is_not_read() -> None:
    with pytest.raises(DatabaseError, match=REFUSED), taken_back(Tenancy()):
        run("select from outbox_event")


def test_the_record_is_neither_changed_nor_emptied(theirs: Rows, ours: Tenancy) -> None:
    for_ever = ("accounts_auditentry", "accounts_auditseal", "accounts_auditanchor")

    assert [
        change(ours, f"{deed} {table}")
        for table in for_ever
        for deed in ("delete from", "truncate")
    ] == [0] * 6


class Invited:
    """What shows that somebody is asked to join."""

    def by_link(self, globex: Organization, _: User) -> Tenancy:
        return Tenancy(links=(globex.id.bytes, b"another key"))

    def by_address(self, _: Organization, ada: User) -> Tenancy:
        Invitation.objects.update(email="ADA@example.com")
        return Tenancy(user_id=ada.id)


@pytest.mark.parametrize("shown", [Invited().by_link, Invited().by_address])
def test_who_is_invited_finds_the_invitation_and_the_organization_alone(
    theirs: Rows, globex: Organization, ada: User, shown: Shown
) -> None:
    tenancy = shown(globex, ada)

    seen = {model for model, row in theirs.items() if found(tenancy, row)}

    assert seen == {Invitation, Organization}


def test_who_is_invited_can_not_make_the_invitation_another(
    theirs: Rows, globex: Organization
) -> None:
    shown = Tenancy(links=(globex.id.bytes,))

    with pytest.raises(DatabaseError, match=REFUSED), taken_back(shown):
        run("update accounts_invitation set role = 'owner'")


def test_a_key_finds_itself_alone(theirs: Rows, globex: Organization) -> None:
    shown = Tenancy(key=globex.id.hex)

    seen = {model.__name__ for model, row in theirs.items() if found(shown, row)}

    assert seen == {"ApiKey"}


def test_members_find_their_places_before_they_enter(
    theirs: Rows, mallory: User
) -> None:
    outside = Tenancy(user_id=mallory.id)

    with taken_back(outside):
        assert run("select from accounts_membership") == 1
        assert run("select from accounts_organization") == 1
        assert run("update accounts_membership set role = 'owner'") == 0
        assert run("update accounts_organization set name = 'Hooli'") == 0


@pytest.mark.parametrize("entry", IN_ORGANIZATIONS, ids=lambda entry: entry.operation)
def test_no_operation_knows_the_organization_of_others(entry: Entry) -> None:
    world = make_world()
    elsewhere = replace(world, acme=world.globex)

    response = ask(elsewhere, entry, Caller(name="owner elsewhere", person="owner"))

    assert (response.status_code, body_of(response)["code"]) == (404, "not_found")


class ForgetfulView(APIView):
    """Shows whatever organizations and members there are."""

    def get(self, request: Request) -> Response:
        organizations = Organization.objects.values_list("name", flat=True)
        members = Membership.objects.values_list("role", flat=True)
        return Response([*organizations, *members])


class forgetful:  # noqa: N801 -- stands for a module of urls
    urlpatterns = (path("v1/forgetful", ForgetfulView.as_view()),)


def test_a_view_that_forgets_to_ask_whose_rows_shows_nobody_elses(
    theirs: Rows, acme: Organization, ada: User, settings: Settings
) -> None:
    settings.ROOT_URLCONF = forgetful

    shown = body_of(Api(ada.id).get("/v1/forgetful"))

    assert shown == ["Acme", "member"]
    assert Organization.objects.count() == 2
