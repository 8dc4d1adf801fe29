"""Recomputes the chains of the record, and names the first row that is wrong."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from accounts.models import AuditAnchor, AuditEntry, AuditPersonal, AuditSeal
from accounts.selectors.chain import (
    NO_ORGANIZATION,
    SEALED,
    chain_of,
    digest_of,
    hash_of,
)

CHUNK = 2000


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """The first row of a chain that is not as it was sealed, and what is wrong with it."""

    chain_id: UUID
    number: int | None
    seq: int | None
    entry_id: UUID | None
    wrong: str


@dataclass(kw_only=True, slots=True)
class Verdict:
    """What came of the verification of a chain."""

    chain_id: UUID
    sealed: int = 0
    # What was recorded since the last seal, and is not proved yet.
    unsealed: int = 0
    anchors: int = 0
    # The highest number that was read back from Kafka.
    anchored: int = 0
    finding: Finding | None = None


@dataclass(slots=True)
class _Walk:
    """How far the chain was followed, and what it must go on with."""

    number: int = 0
    hash: bytes = b""
    seq: int = 0
    anchors: dict[int, list[bytes]] = field(default_factory=dict)


def chain_ids() -> list[UUID]:
    """Return all chains there are, those of which nothing is sealed yet among them."""
    found = {
        *_different(AuditSeal.objects.all(), "chain_id"),
        *_different(AuditEntry.objects.all(), "organization_id"),
        *_different(AuditAnchor.objects.all(), "chain_id"),
    }
    return sorted({NO_ORGANIZATION, *found})


def _different(rows: QuerySet[Any], name: str) -> Iterator[UUID]:
    """Go from each value to the next by the index, past all rows in between."""
    values = rows.exclude(**{name: None}).order_by(name).values_list(name, flat=True)
    value = values.first()
    while value is not None:
        yield value
        value = values.filter(**{f"{name}__gt": value}).first()


def verify_chain(
    *,
    chain_id: UUID,
    since: datetime | None = None,
    most: int | None = None,
    progress: Callable[[int], object] = lambda _count: None,
) -> Verdict:
    """Follow a chain from its beginning, or from the last seal before `since`.

    Stops at the first row that is wrong, and at `most` rows. It holds a few thousand
    rows at a time, however long the chain is.
    """
    verdict = Verdict(chain_id=chain_id)
    walk = _begin(chain_id, since)
    walk.anchors = _anchors(chain_id, walk.number)
    verdict.anchors = sum(map(len, walk.anchors.values()))
    verdict.anchored = max(walk.anchors, default=0)
    for seal in _seals(walk, chain_id, most):
        verdict.finding = _check(walk, seal, chain_id)
        if verdict.finding is not None:
            return verdict
        verdict.sealed += 1
        if verdict.sealed % CHUNK == 0:
            progress(verdict.sealed)
    progress(verdict.sealed)
    if most is None or verdict.sealed < most:
        verdict.finding = _check_rest(chain_id, walk)
    verdict.unsealed = _entries(chain_id).filter(seq__gt=_last_sealed()).count()
    return verdict


def _begin(chain_id: UUID, since: datetime | None) -> _Walk:
    if since is None:
        return _Walk()
    seals = AuditSeal.objects.filter(chain_id=chain_id, sealed_at__lt=since)
    last = seals.order_by("-number").first()
    if last is None:
        return _Walk()
    return _Walk(number=last.number, hash=bytes(last.hash), seq=last.entry_id)


def _anchors(chain_id: UUID, after: int) -> dict[int, list[bytes]]:
    found: dict[int, list[bytes]] = {}
    rows = AuditAnchor.objects.filter(chain_id=chain_id, number__gt=after)
    for number, anchored in rows.values_list("number", "hash"):
        found.setdefault(number, []).append(bytes(anchored))
    return found


def _seals(walk: _Walk, chain_id: UUID, most: int | None) -> Iterator[dict[str, Any]]:
    """Read a chunk at a time: one long query would outlive the database's patience."""
    left = most
    while left is None or left > 0:
        size = CHUNK if left is None else min(CHUNK, left)
        seals = AuditSeal.objects.filter(chain_id=chain_id, number__gt=walk.number)
        chunk = list(seals.order_by("number").values()[:size])
        yield from _with_entries(walk, chain_id, chunk)
        if len(chunk) < size:
            return
        left = None if left is None else left - size


def _with_entries(
    walk: _Walk, chain_id: UUID, seals: Sequence[Mapping[str, Any]]
) -> Iterator[dict[str, Any]]:
    seqs = [seal["entry_id"] for seal in seals]
    entries = {
        entry["seq"]: entry
        for entry in AuditEntry.objects.filter(seq__in=seqs).values(*SEALED)
    }
    parts = AuditPersonal.objects.filter(entry_id__in=seqs)
    personal = {part.entry_id: part for part in parts}
    between = _entries(chain_id).filter(
        seq__gt=walk.seq, seq__lt=max(seqs, default=walk.seq)
    )
    slipped = between.exclude(seq__in=seqs).order_by("seq").first()
    for seal in seals:
        seq = seal["entry_id"]
        yield {
            **seal,
            "entry": entries.get(seq),
            "personal": personal.get(seq),
            "slipped": slipped,
        }


def _check(walk: _Walk, seal: dict[str, Any], chain_id: UUID) -> Finding | None:
    slipped: AuditEntry | None = seal["slipped"]
    if slipped is not None and slipped.seq < seal["entry_id"]:
        return _slipped(chain_id, slipped)
    wrong = _wrong_seal(walk, seal) or _wrong_entry(seal) or _wrong_anchor(walk, seal)
    entry = seal["entry"]
    if wrong is not None:
        return Finding(
            chain_id=chain_id,
            number=seal["number"],
            seq=seal["entry_id"],
            entry_id=None if entry is None else entry["entry_id"],
            wrong=wrong,
        )
    walk.number, walk.hash = seal["number"], bytes(seal["hash"])
    walk.seq = seal["entry_id"]
    return None


def _wrong_seal(walk: _Walk, seal: dict[str, Any]) -> str | None:
    if seal["number"] != walk.number + 1:
        return f"number {walk.number + 1} is missing"
    if bytes(seal["previous_hash"]) != walk.hash:
        return "the seal does not follow the one before it"
    if seal["entry_id"] <= walk.seq:
        return "the entry is older than the one before it"
    return None


def _wrong_entry(seal: dict[str, Any]) -> str | None:
    entry = seal["entry"]
    if entry is None:
        return "the entry is missing"
    if chain_of(entry["organization_id"]) != seal["chain_id"]:
        return "the entry belongs to another chain"
    computed = hash_of(
        entry,
        chain_id=seal["chain_id"],
        number=seal["number"],
        sealed_at=seal["sealed_at"],
        previous=bytes(seal["previous_hash"]),
    )
    if computed != bytes(seal["hash"]):
        return "the entry or its seal was changed"
    return _wrong_personal(entry, seal["personal"])


def _wrong_personal(
    entry: dict[str, Any], personal: AuditPersonal | None
) -> str | None:
    # What was erased proves nothing, and nothing against the entry.
    if personal is None:
        return None
    if entry["personal_digest"] is None:
        return "a personal part was added"
    if digest_of(bytes(personal.salt), personal.data) != bytes(
        entry["personal_digest"]
    ):
        return "the personal part was changed"
    return None


def _wrong_anchor(walk: _Walk, seal: dict[str, Any]) -> str | None:
    anchored = walk.anchors.get(seal["number"], [])
    if any(found != bytes(seal["hash"]) for found in anchored):
        return "the hash is not the one that Kafka has"
    return None


def _check_rest(chain_id: UUID, walk: _Walk) -> Finding | None:
    """Look for seals that Kafka has and we have not, and entries that slipped in."""
    entry = (
        _entries(chain_id)
        .filter(seq__gt=walk.seq, seq__lte=_last_sealed())
        .order_by("seq")
        .first()
    )
    if entry is not None:
        return _slipped(chain_id, entry)
    lost = [number for number in walk.anchors if number > walk.number]
    if lost:
        return Finding(
            chain_id=chain_id,
            number=walk.number + 1,
            seq=None,
            entry_id=None,
            wrong=f"the chain ends at {walk.number}, but Kafka has {max(lost)}",
        )
    return None


def _slipped(chain_id: UUID, entry: AuditEntry) -> Finding:
    return Finding(
        chain_id=chain_id,
        number=None,
        seq=entry.seq,
        entry_id=entry.entry_id,
        wrong="the entry has no seal in its place, but later ones have",
    )


def _entries(chain_id: UUID) -> QuerySet[AuditEntry]:
    nobodys = chain_id == NO_ORGANIZATION
    of_chain = Q(organization_id=None) if nobodys else Q(organization_id=chain_id)
    return AuditEntry.objects.filter(of_chain)


def _last_sealed() -> int:
    seals = AuditSeal.objects.order_by("-entry_id").values_list("entry_id", flat=True)
    return seals.first() or 0
