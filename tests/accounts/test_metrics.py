"""What `/metrics` says of accounts, and each alert fired by what it warns of."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from accounts.metrics.names import METRICS
from accounts.models import (
    AddressLock,
    AuditEntry,
    AuditExport,
    AuditSeal,
    DataRequest,
    User,
)
from accounts.services import keep_anchor, request_data, seal_entries
from accounts.services.auditing import record
from opencore.ids import uuid7
from tests.alerts import holds, rules_of
from tests.scraping import Scrape, scrape

pytestmark = pytest.mark.django_db(transaction=True)

RULES = rules_of("accounts")


def of_accounts() -> Scrape:
    """Return what the page says of accounts; others speak there, too."""
    return {
        name: samples
        for name, samples in scrape().items()
        if name.startswith("accounts_")
    }


def make_person(name: str = "ada") -> User:
    return User.objects.create(email=f"{name}@example.com")


def note(person: User) -> None:
    record(AuditEntry.Action.USER_CREATED, target_id=person.id, actor_id=person.id)


def anchor(seal: AuditSeal) -> None:
    keep_anchor(
        chain_id=seal.chain_id,
        number=seal.number,
        chain_hash=bytes(seal.hash),
        event_id=uuid7(),
        topic="opencore.audit.v1",
        partition=0,
        offset=1,
    )


def lock(number: int) -> None:
    now = timezone.now()
    AddressLock.objects.create(
        address=str(number).encode(),
        counted_since=now,
        locks=1,
        locked_until=now + timedelta(days=40),
    )


@dataclass
class World:
    """Accounts that are well until something is done to them."""

    patch: pytest.MonkeyPatch

    def pass_time(self, **much: float) -> None:
        later = timezone.now() + timedelta(**much)
        self.patch.setattr("django.utils.timezone.now", lambda: later)

    def lose_the_sealer(self) -> None:
        note(make_person())
        self.pass_time(minutes=3)

    def lose_the_reader_of_anchors(self) -> None:
        note(make_person())
        seal_entries(now=timezone.now())
        self.pass_time(minutes=16)

    def let_an_export_wait(self) -> None:
        AuditExport.objects.create(
            organization_id=uuid7(), requested_by=uuid7(), format="csv"
        )
        self.pass_time(minutes=11)

    def let_a_request_wait(self) -> None:
        ada = make_person()
        request_data(
            user_id=ada.id,
            kind=DataRequest.Kind.EXPORT,
            actor_id=ada.id,
            now=timezone.now(),
        )
        self.pass_time(days=28)

    def guess(self) -> None:
        for number in range(51):
            lock(number)


CAUSES: dict[str, Callable[[World], None]] = {
    "AuditNotSealed": World.lose_the_sealer,
    "AuditNotAnchored": World.lose_the_reader_of_anchors,
    "AuditExportWaits": World.let_an_export_wait,
    "DataRequestDueSoon": World.let_a_request_wait,
    "AddressesGuessed": World.guess,
}


def firing() -> set[str]:
    found = of_accounts()
    return {name for name, rule in RULES.items() if holds(rule["expr"], found)}


def test_accounts_that_are_well_wake_nobody() -> None:
    ada = make_person()
    note(ada)
    seal_entries(now=timezone.now())
    anchor(AuditSeal.objects.get())
    lock(1)

    assert firing() == set()


@pytest.mark.parametrize("name", RULES)
def test_an_alert_is_fired_by_what_it_warns_of(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    before = firing()

    CAUSES[name](World(monkeypatch))

    assert name not in before
    assert name in firing()


def test_nothing_is_tried_that_is_no_alert() -> None:
    assert set(CAUSES) == set(RULES)


def test_exactly_the_metrics_of_the_list_are_exposed() -> None:
    ada = make_person()
    request_data(
        user_id=ada.id,
        kind=DataRequest.Kind.ERASURE,
        actor_id=ada.id,
        now=timezone.now(),
    )

    assert set(of_accounts()) == {metric.name for metric in METRICS}


def test_an_anchor_proves_the_seals_of_its_chain_that_came_before_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ada, organization_id = make_person(), UUID(int=8)
    for _ in range(2):
        note(ada)
    record(
        AuditEntry.Action.MEMBER_ADDED,
        target_id=organization_id,
        organization_id=organization_id,
        actor_id=ada.id,
    )
    seal_entries(now=timezone.now())
    World(monkeypatch).pass_time(seconds=100)
    of_nobody, of_organization = (
        AuditSeal.objects.filter(chain_id=chain_id).latest("number")
        for chain_id in (UUID(int=0), organization_id)
    )

    anchor(of_nobody)
    one_is_missing = of_accounts()
    anchor(of_organization)

    assert of_nobody.number == 2
    assert one_is_missing["accounts_audit_unanchored_seconds"][()] > 90
    assert of_accounts()["accounts_audit_unanchored_seconds"] == {(): 0.0}


def test_an_anchor_proves_nothing_that_was_sealed_after_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ada = make_person()
    for _ in range(2):
        note(ada)
        seal_entries(now=timezone.now())
    World(monkeypatch).pass_time(seconds=100)

    anchor(AuditSeal.objects.get(number=1))

    found = of_accounts()
    assert found["accounts_audit_unanchored_seconds"][()] > 90
    assert found["accounts_audit_unsealed"] == {(): 0.0}


def test_without_the_database_the_page_leaves_accounts_out() -> None:
    def refuse(*_args: object) -> None:
        raise OperationalError

    with connection.execute_wrapper(refuse):
        assert of_accounts() == {}
