"""What it costs a change to be recorded, where four writers change one organization."""

import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from time import perf_counter
from uuid import uuid4

from django.db import connection, transaction
from django.utils import timezone

from accounts.models import AuditEntry
from accounts.selectors.chain import SEALED, hash_of
from accounts.services import seal_entries
from accounts.services.auditing import record
from opencore.context import Device, working_for
from opencore.localservices.parts import PYTHON
from tests.bench.figures import Result, Sample, Say, interleaved

WRITERS = 4
PLAIN = "an ORM insert of the entry"
BARE = "the same, without the triggers that let the table only grow"
RECORD = "record(), the personal part beside the entry"
BESIDE = "the same, while another process seals"
AND_SEALED = "the same, and all of it sealed afterwards"
INLINE = "an ORM insert, chained at once under the chain's lock"
ORGANIZATION = uuid4()
BROWSER = Device(ip="192.0.2.1", user_agent="Mozilla/5.0 (X11; Linux x86_64)")

Write = Callable[[], object]


def measure(*, events: int, rounds: int, say: Say) -> Result:
    """Measure how many changes a second are committed with an entry each."""
    each = max(events // 400, 5)
    with _chain_heads():
        found = interleaved(
            "auditing",
            {
                PLAIN: lambda: _writing(_insert, each),
                BARE: lambda: _without_triggers(lambda: _writing(_insert, each)),
                RECORD: lambda: _writing(_record, each),
                BESIDE: lambda: _beside_sealing(lambda: _writing(_record, each)),
                AND_SEALED: lambda: _writing(_record, each, sealed=True),
                INLINE: lambda: _writing(_insert_chained, each),
            },
            rounds=rounds,
            unit="entries/s",
            say=say,
        )
    goals = [
        found.at_least(0.8, RECORD, of=PLAIN),
        found.at_least(0.8, BESIDE, of=PLAIN),
        found.at_least(0.8, AND_SEALED, of=PLAIN),
    ]
    return Result(found.figures(), goals)


def _writing(write: Write, each: int, *, sealed: bool = False) -> Sample:
    """Return the rate at which the writers together commit."""
    while seal_entries(now=timezone.now()):
        continue
    began = perf_counter()
    with ThreadPoolExecutor(WRITERS) as writers:
        for done in [writers.submit(_write, write, each) for _ in range(WRITERS)]:
            done.result()
    while sealed and seal_entries(now=timezone.now()):
        continue
    return Sample(WRITERS * each / (perf_counter() - began))


def _write(write: Write, times: int) -> None:
    try:
        with working_for(request_id="a-request", device=BROWSER):
            for _ in range(times):
                with transaction.atomic():
                    write()
    finally:
        connection.close()


def _record() -> None:
    record(
        AuditEntry.Action.MEMBER_ADDED,
        target_id=uuid4(),
        actor_id=ORGANIZATION,
        organization_id=ORGANIZATION,
        role="member",
    )


def _insert() -> AuditEntry:
    return AuditEntry.objects.create(
        action=AuditEntry.Action.MEMBER_ADDED,
        target_id=uuid4(),
        actor_id=ORGANIZATION,
        organization_id=ORGANIZATION,
        metadata={"role": "member"},
        request_id="a-request",
    )


def _insert_chained() -> None:
    with connection.cursor() as cursor:
        cursor.execute("select number, hash from bench_chain for update")
        number, previous = cursor.fetchone()
        entry = _insert()
        entry.refresh_from_db(fields=["occurred_at"])
        chained = hash_of(
            {name: getattr(entry, name) for name in SEALED},
            chain_id=ORGANIZATION,
            number=number + 1,
            sealed_at=timezone.now(),
            previous=bytes(previous),
        )
        cursor.execute(
            "update bench_chain set number = number + 1, hash = %s", [chained]
        )


def _without_triggers(measure: Callable[[], Sample]) -> Sample:
    with connection.cursor() as cursor:
        cursor.execute("alter table accounts_auditentry disable trigger user")
        try:
            return measure()
        finally:
            cursor.execute("alter table accounts_auditentry enable trigger user")


def _beside_sealing(measure: Callable[[], Sample]) -> Sample:
    """Measure while a process of its own does nothing but seal."""
    with subprocess.Popen(
        [PYTHON, "-m", "tests.bench.sealer"], stdout=subprocess.PIPE, text=True
    ) as sealer:
        assert sealer.stdout is not None
        sealer.stdout.readline()
        try:
            return measure()
        finally:
            sealer.terminate()


@contextmanager
def _chain_heads() -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute(
            "create table if not exists bench_chain (number int, hash bytea)"
        )
        cursor.execute("insert into bench_chain values (0, '')")
        try:
            yield
        finally:
            cursor.execute("drop table bench_chain")
            cursor.execute("set session_replication_role = replica")
            cursor.execute(
                "truncate accounts_auditentry, accounts_auditpersonal,"
                " accounts_auditseal, outbox_event"
            )
            cursor.execute("set session_replication_role = origin")
