"""All checks, one after another."""

from collections.abc import Callable, Iterator

from outbox.doctor import postgresql, topics
from outbox.doctor.finding import Finding

CHECKS: tuple[Callable[[], Iterator[Finding]], ...] = (
    topics.check_topics,
    postgresql.check_durability,
    postgresql.check_autovacuum,
    postgresql.check_partitions,
    postgresql.check_clock,
    postgresql.check_snapshots,
    postgresql.check_lanes,
)


def examine() -> list[Finding]:
    """Return what is wrong, faults first; an empty list if nothing is."""
    found = [finding for check in CHECKS for finding in check()]
    return sorted(found, key=lambda finding: finding.weight != "fault")
