"""Seals the record: each entry gets its place in its organization's chain of hashes."""

import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Event as Signal
from time import monotonic
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from accounts.models import AuditAnchor, AuditEntry, AuditSeal
from accounts.selectors.chain import SEALED, chain_of, hash_of
from opencore.events.audit.v1 import ChainSealed
from outbox.publishing import emit

log = logging.getLogger(__name__)

BATCH = 1000
LOCK_KEY = 0x0C0E_0000_0001  # the advisory lock of who seals
PATIENCE = timedelta(seconds=2)
PAUSE = 0.01


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a chain."""

    number: int = 0
    hash: bytes = b""


@transaction.atomic
def seal_entries(
    *, now: datetime, limit: int = BATCH, patience: timedelta = PATIENCE
) -> int:
    """Seal the oldest entries that have no seal, and tell each chain's new head.

    Returns how many were sealed. None are while another process seals, and none for
    which a transaction of before may still commit an older one: such is waited for,
    but not long, and nobody waits for this.
    """
    if not _is_alone():
        return 0
    sealed = AuditSeal.objects.order_by("-entry_id").values_list("entry_id", flat=True)
    last = sealed.first() or 0
    waiting = AuditEntry.objects.filter(seq__gt=last).order_by("seq")
    found = list(waiting.values_list("seq", flat=True)[:limit])
    if not found or not _is_settled(patience):
        return 0
    entries = list(waiting.filter(seq__lte=found[-1]).values(*SEALED))
    _seal(entries, now)
    log.info("audit entries sealed", extra={"entries": len(entries)})
    return len(entries)


def keep_anchor(
    *,
    chain_id: UUID,
    number: int,
    chain_hash: bytes,
    event_id: UUID,
    topic: str,
    partition: int,
    offset: int,
) -> None:
    """Keep where Kafka has a chain's head; a second time changes nothing."""
    AuditAnchor.objects.get_or_create(
        event_id=event_id,
        defaults={
            "chain_id": chain_id,
            "number": number,
            "hash": chain_hash,
            "topic": topic,
            "partition": partition,
            "offset": offset,
        },
    )


def _is_alone() -> bool:
    # Postgres forgets the lock with the transaction, so a dead process frees it.
    with connection.cursor() as cursor:
        cursor.execute("select pg_try_advisory_xact_lock(%s)", [LOCK_KEY])
        (alone,) = cursor.fetchone()
    return bool(alone)


def _is_settled(patience: timedelta) -> bool:
    """Wait until nobody can commit an older entry than those that are there already.

    Whoever inserts an entry locks the table before its seq is taken, and keeps the lock
    until the end; so an older entry can only come from who holds one now.
    """
    until = monotonic() + patience.total_seconds()
    pause = Signal()
    with connection.cursor() as cursor:
        cursor.execute(WRITERS)
        writers = [name for (name,) in cursor.fetchall()]
        while writers:
            if monotonic() >= until:
                return False
            pause.wait(PAUSE)
            cursor.execute(f"{WRITERS} and virtualtransaction = any(%s)", [writers])
            writers = [name for (name,) in cursor.fetchall()]
    return True


def _seal(entries: Sequence[dict[str, Any]], now: datetime) -> None:
    chains: dict[UUID, list[dict[str, Any]]] = defaultdict(list)
    for entry in entries:
        chains[chain_of(entry["organization_id"])].append(entry)
    heads = _heads(chains)
    seals: list[AuditSeal] = []
    for chain_id, links in chains.items():
        head = heads.get(chain_id, Head())
        added = _links(chain_id, head, links, now)
        seals += added
        emit(
            ChainSealed(
                chain_id=chain_id,
                from_number=head.number + 1,
                to_number=added[-1].number,
                hash=bytes(added[-1].hash).hex(),
            )
        )
    AuditSeal.objects.bulk_create(seals)


def _links(
    chain_id: UUID, head: Head, entries: Iterable[dict[str, Any]], now: datetime
) -> list[AuditSeal]:
    seals, previous = [], head.hash
    for number, entry in enumerate(entries, head.number + 1):
        found = hash_of(
            entry, chain_id=chain_id, number=number, sealed_at=now, previous=previous
        )
        seals.append(
            AuditSeal(
                entry_id=entry["seq"],
                chain_id=chain_id,
                number=number,
                previous_hash=previous,
                hash=found,
                sealed_at=now,
            )
        )
        previous = found
    return seals


def _heads(chain_ids: Iterable[UUID]) -> dict[UUID, Head]:
    with connection.cursor() as cursor:
        cursor.execute(HEADS, [list(chain_ids)])
        return {
            chain_id: Head(number, bytes(found))
            for chain_id, number, found in cursor.fetchall()
        }


WRITERS = """
select virtualtransaction from pg_locks
where locktype = 'relation' and relation = 'accounts_auditentry'::regclass
  and database = (select oid from pg_database where datname = current_database())
  and mode = 'RowExclusiveLock' and granted
  and pid is distinct from pg_backend_pid()
"""

HEADS = """
select chain.id, head.number, head.hash
from unnest(%s::uuid[]) as chain (id) cross join lateral (
    select number, hash from accounts_auditseal
    where chain_id = chain.id order by number desc limit 1
) as head
"""
