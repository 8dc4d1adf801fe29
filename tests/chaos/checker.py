"""Holds what was seen in Kafka to what was written."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from tests.chaos.oracle import Oracle, Write


@dataclass(frozen=True, slots=True)
class Sighting:
    """One record of the topic, in the order of its partition."""

    write: Write
    partition: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What a run came to; only duplicates are allowed."""

    written: int
    delivered: int
    duplicates: int = 0
    lost: int = 0
    phantom: int = 0
    reordered: int = 0

    @property
    def broken(self) -> tuple[int, int, int]:
        """Return how many events are lost, made up, and out of order."""
        return self.lost, self.phantom, self.reordered


def judge(
    oracle: Oracle, stored: Collection[str], sightings: Iterable[Sighting]
) -> Verdict:
    """Compare what the writers noted and the tables hold with what Kafka tells.

    Lost is what was acknowledged to a writer, or is stored, and is not in Kafka; and
    what was acknowledged and is not even stored. Phantom is what nobody committed, or
    came with another content. Reordered is a first occurrence that comes after a later
    change of its key, or in another partition than the key's others.
    """
    expected = oracle.expected(stored)
    seen = list(sightings)
    genuine = [one for one in seen if expected.get(one.write.event_id) == one.write]
    first: dict[str, Sighting] = {}
    for sighting in genuine:
        first.setdefault(sighting.write.event_id, sighting)
    gone = {name for name in expected if name not in first or name not in stored}
    return Verdict(
        written=len(expected),
        delivered=len(first),
        duplicates=len(genuine) - len(first),
        lost=len(gone),
        phantom=len(seen) - len(genuine),
        reordered=_late(first),
    )


def _late(first: Mapping[str, Sighting]) -> int:
    latest: dict[str, Sighting] = {}
    late = 0
    for sighting in first.values():
        before = latest.setdefault(sighting.write.key, sighting)
        if before is sighting:
            continue
        moved = before.partition != sighting.partition
        if moved or before.write.version >= sighting.write.version:
            late += 1
        else:
            latest[sighting.write.key] = sighting
    return late
