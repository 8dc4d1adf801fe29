"""The record is sealed in the order in which it was written, and nothing is left out."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from django.db import IntegrityError, connection, transaction

from accounts.models import AuditAnchor, AuditEntry, AuditSeal
from accounts.selectors.chain import NO_ORGANIZATION, SEALED, hash_of
from accounts.services import seal_entries
from accounts.services.auditing import record
from accounts.services.sealing import LOCK_KEY
from accounts.tasks import seal_audit
from opencore.events.audit.v1 import ChainSealed
from outbox.ceiling import OutboxBacklog
from outbox.connecting import open_connection
from outbox.consuming import Place
from tests.accounts.conftest import Emitted
from tests.hearing import hear

NOW = datetime(2028, 2, 29, 12, tzinfo=UTC)
SHORT = timedelta(milliseconds=50)
ACME, OTHER = UUID(int=8), UUID(int=9)

pytestmark = pytest.mark.django_db


def note(organization_id: UUID | None = ACME) -> AuditEntry:
    return record(
        AuditEntry.Action.MEMBER_ADDED,
        target_id=uuid4(),
        actor_id=None,
        organization_id=organization_id,
    )


def chain(chain_id: UUID) -> list[tuple[int, int]]:
    """Return the numbers of a chain, and the entries that have them."""
    seals = AuditSeal.objects.filter(chain_id=chain_id).order_by("number")
    return list(seals.values_list("number", "entry_id"))


def test_each_organization_has_a_chain_of_its_own() -> None:
    first, other, nobodys, second = note(), note(OTHER), note(None), note()

    assert seal_entries(now=NOW) == 4

    assert chain(ACME) == [(1, first.seq), (2, second.seq)]
    assert chain(OTHER) == [(1, other.seq)]
    assert chain(NO_ORGANIZATION) == [(1, nobodys.seq)]


def test_each_seal_is_over_the_entry_and_all_before_it() -> None:
    note()
    seal_entries(now=NOW)
    entry = note()
    seal_entries(now=NOW)

    first, second = AuditSeal.objects.filter(chain_id=ACME).order_by("number")
    assert bytes(first.previous_hash) == b""
    assert bytes(second.previous_hash) == bytes(first.hash)
    assert bytes(second.hash) == hash_of(
        AuditEntry.objects.values(*SEALED).get(seq=entry.seq),
        chain_id=ACME,
        number=2,
        sealed_at=NOW,
        previous=bytes(first.hash),
    )


def test_every_column_of_an_entry_is_sealed() -> None:
    assert set(SEALED) == {field.attname for field in AuditEntry._meta.concrete_fields}


def test_nothing_is_sealed_twice() -> None:
    note()

    assert [seal_entries(now=NOW), seal_entries(now=NOW)] == [1, 0]


def test_a_batch_ends_where_it_should_and_the_next_goes_on() -> None:
    entries = [note() for _ in range(5)]

    sealed = [seal_entries(now=NOW, limit=2) for _ in range(4)]

    assert sealed == [2, 2, 1, 0]
    assert chain(ACME) == [(n, entry.seq) for n, entry in enumerate(entries, 1)]


def test_the_head_of_each_chain_is_told_once_a_batch(emitted: Emitted) -> None:
    for organization_id in (ACME, ACME, OTHER):
        note(organization_id)

    seal_entries(now=NOW)

    told = [event for event in emitted() if isinstance(event, ChainSealed)]
    assert told == [sealed(ACME, 1, 2), sealed(OTHER, 1, 1)]


def sealed(chain_id: UUID, begin: int, end: int) -> ChainSealed:
    head = AuditSeal.objects.get(chain_id=chain_id, number=end)
    return ChainSealed(
        chain_id=chain_id,
        from_number=begin,
        to_number=end,
        hash=bytes(head.hash).hex(),
    )


@pytest.mark.parametrize("table", ["accounts_auditseal", "accounts_auditanchor"])
@pytest.mark.parametrize("statement", ["delete from {}", "truncate {}"])
def test_the_database_only_adds_to_seals_and_anchors(
    table: str, statement: str
) -> None:
    with (
        pytest.raises(IntegrityError, match="only ever added"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement.format(table))


def test_what_kafka_has_of_a_chain_is_kept_once_as_its_anchor() -> None:
    event = ChainSealed(chain_id=ACME, from_number=3, to_number=7, hash="ab" * 32)
    event_id, place = uuid4(), Place("opencore.audit.v1", 3, 41)

    for _ in range(2):
        hear("accounts", event, event_id=event_id, place=place)

    anchor = AuditAnchor.objects.get()
    assert (anchor.chain_id, anchor.number, anchor.event_id) == (ACME, 7, event_id)
    assert bytes(anchor.hash) == bytes.fromhex("ab" * 32)
    assert (anchor.topic, anchor.partition, anchor.offset) == (
        "opencore.audit.v1",
        3,
        41,
    )


def test_the_task_seals_until_nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    left = iter([1000, 7, 0])
    monkeypatch.setattr("accounts.services.seal_entries", lambda **_now: next(left))

    seal_audit()

    assert list(left) == []


def test_the_task_outlives_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(now: datetime) -> int:
        raise OutboxBacklog

    monkeypatch.setattr("accounts.services.seal_entries", refuse)

    seal_audit()


class Writer:
    """Somebody else's transaction, in which entries are written."""

    def __init__(self, connection: "psycopg.Connection[Any]") -> None:
        self._connection = connection

    def note(self) -> int:
        row = self._connection.execute(
            """
            insert into accounts_auditentry
                (entry_id, action, target_id, organization_id, metadata, request_id)
            values (gen_random_uuid(), 'member.added', gen_random_uuid(), %s, '{}', '')
            returning seq
            """,
            [ACME],
        ).fetchone()
        assert row is not None
        return int(row[0])


@contextmanager
def writing() -> Iterator[Writer]:
    """Let somebody write in a transaction that is committed at the end."""
    opened = open_connection(application_name="test-writer")
    try:
        with opened.transaction():
            yield Writer(opened)
    finally:
        opened.close()


@pytest.mark.django_db(transaction=True)
def test_what_may_be_overtaken_is_not_sealed_yet() -> None:
    with writing() as late:
        overtaken = late.note()
        entry = note()
        assert entry.seq > overtaken

        assert seal_entries(now=NOW, patience=SHORT) == 0

    assert seal_entries(now=NOW) == 2
    assert chain(ACME) == [(1, overtaken), (2, entry.seq)]


@pytest.mark.django_db(transaction=True)
def test_a_transaction_that_began_to_write_early_is_waited_for_as_well() -> None:
    with writing() as early:
        older = early.note()
        with writing() as short:
            middle = short.note()
        newer = early.note()
        assert seal_entries(now=NOW, patience=SHORT) == 0

    assert seal_entries(now=NOW) == 3
    assert chain(ACME) == [(1, older), (2, middle), (3, newer)]


@pytest.mark.django_db(transaction=True)
def test_a_transaction_that_took_its_entries_back_leaves_no_gap() -> None:
    first = note()
    with pytest.raises(ZeroDivisionError), writing() as late:
        fail_after(late.note())
    second = note()

    assert seal_entries(now=NOW) == 2
    assert chain(ACME) == [(1, first.seq), (2, second.seq)]
    assert second.seq > first.seq + 1


def fail_after(_seq: int) -> None:
    raise ZeroDivisionError


@pytest.mark.django_db(transaction=True)
def test_only_one_process_seals_at_a_time() -> None:
    note()
    with writing() as other:
        other._connection.execute("select pg_advisory_xact_lock(%s)", [LOCK_KEY])

        assert seal_entries(now=NOW) == 0

    assert seal_entries(now=NOW) == 1
