"""What it costs a request that PostgreSQL itself holds it to the rows of its tenant."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from unittest import mock
from uuid import uuid4

from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from accounts.models import Membership, Organization, User
from opencore import middleware
from opencore.tenancy import confined, enter_organization, enter_user
from opencore.tokens import mint_access
from tests.authorization.things import session_of
from tests.bench.figures import Result, Rounds, Sample, Say, interleaved
from tests.bench.samples import patient

LOGIN = "as the login role, past the policies"
CONFINED = "as opencore_app, held to its tenant"
OTHERS = 10_000
MEMBERS = 20
Act = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Tenant:
    """Somebody, and where they work."""

    ada: User
    acme: Organization

    def look(self, times: int) -> None:
        """List the members of the organization so many times, in one transaction."""
        with transaction.atomic():
            for _ in range(times):
                list(Membership.objects.filter(organization_id=self.acme.id))

    def look_confined(self, times: int) -> None:
        """Do the same as a request to the API does."""
        with confined():
            enter_user(self.ada.id)
            enter_organization(self.acme.id)
            self.look(times)


def measure(*, events: int, rounds: int, say: Say) -> Result:
    """Measure transactions of one and of ten queries, and whole requests."""
    each = max(events // 200, 5)
    with _tenants() as tenant:
        ask = _asking(tenant)
        found = [
            _compared(f"tenancy, {name}", ways, each, rounds, say)
            for name, ways in {
                "a transaction of one query": _looking(tenant, 1),
                "a transaction of ten queries": _looking(tenant, 10),
                "GET .../members": {LOGIN: lambda: _unconfined(ask), CONFINED: ask},
            }.items()
        ]
    # What was measured when it was decided so; how much a request does besides differs.
    wanted = (0.59, 0.73)
    return Result(
        [figure for rows in found for figure in rows.figures()],
        [
            rows.at_least(enough, CONFINED, of=LOGIN)
            for rows, enough in zip(found, wanted, strict=False)
        ],
    )


def _looking(tenant: Tenant, times: int) -> dict[str, Act]:
    return {
        LOGIN: lambda: tenant.look(times),
        CONFINED: lambda: tenant.look_confined(times),
    }


def _compared(
    bench: str, ways: dict[str, Act], each: int, rounds: int, say: Say
) -> Rounds:
    return interleaved(
        bench,
        {name: partial(_rate, act, each) for name, act in ways.items()},
        rounds=max(rounds, 5),
        unit="a second",
        say=say,
    )


def _rate(act: Act, times: int) -> Sample:
    began = perf_counter()
    for _ in range(times):
        act()
        # As at the end of a request: the pool gets the connection, and lets it out.
        connection.close()
    return Sample(times / (perf_counter() - began))


def _asking(tenant: Tenant) -> Act:
    token = mint_access(
        user_id=tenant.ada.id,
        session_id=session_of(tenant.ada).id,
        role="user",
        now=timezone.now(),
    )
    path = f"/v1/orgs/{tenant.acme.id}/members"
    client = Client(headers={"Authorization": f"Bearer {token}"})

    def ask() -> None:
        response = client.get(path)
        if response.status_code != 200:
            raise RuntimeError(f"{path}: {response.status_code} {response.content!r}")

    return ask


def _unconfined(ask: Act) -> None:
    with mock.patch.object(middleware, "_is_of_tenants", return_value=False):
        ask()


@contextmanager
def _tenants() -> Iterator[Tenant]:
    """Make one with a page of members among many others, and forget all of them."""
    people = User.objects.bulk_create(
        User(email=f"{uuid4().hex}@example.com") for _ in range(MEMBERS)
    )
    organizations = Organization.objects.bulk_create(
        Organization(name="Acme", slug=uuid4().hex, created_by=people[0].id)
        for _ in range(OTHERS)
    )
    acme = organizations[0]
    Membership.objects.bulk_create(
        Membership(organization=each, user=people[0], role="owner")
        for each in organizations
    )
    Membership.objects.bulk_create(
        Membership(organization=acme, user=each, role="member") for each in people[1:]
    )
    with connection.cursor() as cursor:
        cursor.execute("analyze accounts_membership")
        cursor.execute("analyze accounts_organization")
    try:
        yield Tenant(people[0], acme)
    finally:
        with patient() as own:
            own.execute("set session_replication_role = replica")
            own.execute("truncate accounts_user, accounts_organization cascade")
