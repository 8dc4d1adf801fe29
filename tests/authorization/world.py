"""The world in which every operation is asked for by everybody."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import uuid4

from django.db import transaction

from accounts.models import Membership, Organization, ServiceAccount, User
from accounts.roles import Role
from billing.models import Customer, OrgMember
from notifications.models import Recipient

OUTSIDERS = ("stranger", "outsider", "removed", "operator", "support")
PEOPLE = (*Role.values, "suspended", "bystander", *OUTSIDERS)
PLATFORM_ROLES = {"operator": "operator", "support": "support"}


@dataclass(frozen=True)
class World:
    """Acme with somebody in each role, Globex beside it, and Hooli, suspended."""

    people: Mapping[str, User]
    acme: Organization
    globex: Organization
    hooli: Organization
    programs: Mapping[str, ServiceAccount]


@contextmanager
def rolled_back() -> Iterator[None]:
    """Let all that happens inside be as if it had not been."""
    block = transaction.atomic()
    # As of a test case: what waits for a commit is written when a service returns.
    block._from_testcase = True  # type: ignore[attr-defined]  # -- Django's own mark
    with block:
        yield
        transaction.set_rollback(True)


def make_world() -> World:
    """Make it, by rows alone: how each came to be is told elsewhere."""
    people = {
        name: make_person(name, role=PLATFORM_ROLES.get(name, "user"))
        for name in PEOPLE
    }
    acme, globex, hooli = (
        Organization.objects.create(name=name, created_by=people["owner"].id)
        for name in ("Acme", "Globex", "Hooli")
    )
    for role in Role:
        join(acme, people[role], role)
    join(acme, people["bystander"], Role.MEMBER)
    join(acme, people["suspended"], Role.ADMIN, status="suspended")
    join(globex, people["outsider"], Role.OWNER)
    join(hooli, people["owner"], Role.OWNER)
    join(hooli, people["bystander"], Role.MEMBER)
    Organization.objects.filter(id=hooli.id).update(status="suspended")
    programs = {
        each.name: ServiceAccount.objects.create(
            organization=each, name=each.name, role=Role.ADMIN, created_by=uuid4()
        )
        for each in (acme, globex)
    }
    return World(people, acme, globex, hooli, programs)


def make_person(name: str, *, role: str = "user") -> User:
    """Make somebody whom all services know."""
    person = User.objects.create(email=f"{name}@example.com", name=name, role=role)
    Recipient.objects.create(user_id=person.id, email=person.email)
    Customer.objects.create(user_id=person.id, email=person.email)
    return person


def join(
    organization: Organization, person: User, role: Role, status: str = "active"
) -> None:
    Membership.objects.create(
        organization=organization, user=person, role=role, status=status
    )
    OrgMember.objects.create(org_id=organization.id, user_id=person.id, role=role)
