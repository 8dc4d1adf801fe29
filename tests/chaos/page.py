"""Writes FAILURES.md: what was broken, and what came of it."""

import os
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version

from redis import Redis

from tests.chaos.lab import KEYS, Lab
from tests.chaos.nemesis import Finding

COLUMNS = (
    *("", "what is done", "written", "delivered", "duplicates", "lost", "phantom"),
    *("reordered", "unknown", "recovery"),
)
PACKAGES = ("Django", "celery", "confluent-kafka", "psycopg")
HEAD = """\
# What was broken, and what came of it

Written by `make chaos`; the scenarios are in `tests/chaos/`. In each one two processes write in transactions with `emit()`, to {keys} keys, and roll back a tenth on purpose. Meanwhile something is broken, and heals. Then the writers are killed in the middle of their work, the outbox empties, and every partition of the topic is read from offset 0, where it still begins.

What was written is known from the writers' own logs, outside of PostgreSQL and Kafka: the intent before each commit, the outcome after it. The version of each thing, counted under its lock, says in which order its changes belong.

- **written**: acknowledged to a writer, or unknown and found in the tables.
- **delivered**: different ones of these in Kafka. **Lost** is what is missing.
- **duplicates**: came more than once. Kafka is promised at least once; consumers know an event by its id.
- **phantom**: in Kafka, but rolled back, or never written, or changed.
- **reordered**: came first after a later change of its key.
- **unknown**: the writer can't know whether its commit succeeded; the tables decide.
- **recovery**: seconds from the end of the fault until all that waited is in Kafka, and something newer, too. The start of a process that was killed is part of it.

No scenario counted an attempt against an event or made a dead letter, and each run fails if one does. Relays were killed {kills} times.

"""
TAIL = """
## Not done here

- Packets are not dropped by a kernel, disks are not full, and no power fails: this needs rights that a checkout does not have. The table says what stands in for it.
- One broker says nothing about replicas: losing one of three, `min.insync.replicas` and elections are not tested.
- Clocks are not bent. Leases go by the clock of PostgreSQL alone.
"""


def page(
    findings: Sequence[Finding],
    *,
    named: Mapping[str, str],
    seed: int,
    seconds: float,
) -> str:
    """Return the whole page; `named` are the versions of what ran."""
    honest = [finding for finding in findings if not finding.scenario.mutant]
    mutants = [finding for finding in findings if finding.scenario.mutant]
    kills = sum(finding.kills for finding in findings)
    head = HEAD.format(keys=KEYS, kills=kills)
    caught = (
        "\n## Mutants that must be caught\n\nWhere the suite is blind to these it is"
        " blind to a bug of ours.\n\n"
    )
    return "".join(
        (
            head,
            _table(honest),
            _notes(findings),
            caught if mutants else "",
            _table(mutants) if mutants else "",
            _circumstances(named, seed, seconds),
            TAIL,
        )
    )


def versions(lab: Lab) -> dict[str, str]:
    """Return what ran, by name."""
    with Redis.from_url(lab.services.urls()["REDIS_URL"]) as client:
        redis = client.info("server")["redis_version"]
    (kafka,) = lab.services.places.jars.glob("kafka_2.13-*.jar")
    return {
        "Apache Kafka": kafka.stem.rpartition("-")[2],
        "PostgreSQL": lab.sql("show server_version"),
        "Redis": redis,
        "Python": platform.python_version(),
        **{name: version(name) for name in PACKAGES},
    }


def _table(findings: Sequence[Finding]) -> str:
    rows = [COLUMNS, ("---",) * len(COLUMNS), *map(_row, findings)]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _row(finding: Finding) -> tuple[str, ...]:
    verdict = finding.verdict
    counted = (
        *(verdict.written, verdict.delivered, verdict.duplicates, verdict.lost),
        *(verdict.phantom, verdict.reordered, finding.unknown),
    )
    return (
        finding.scenario.id,
        finding.scenario.sentence,
        *(f"{number:,}" for number in counted),
        f"{finding.recovery:.1f} s",
    )


def _notes(findings: Sequence[Finding]) -> str:
    notes = [
        f"- {finding.scenario.id}: {finding.note}.\n"
        for finding in findings
        if finding.note
    ]
    return "".join(["\n", *notes]) if notes else ""


def _circumstances(named: Mapping[str, str], seed: int, seconds: float) -> str:
    listed = ", ".join(f"{name} {number}" for name, number in named.items())
    return (
        f"\n## Circumstances\n\n{listed}; {os.cpu_count()} processors, shared with"
        " other work: read seconds as an order of size. PostgreSQL and Redis keep what"
        " they acknowledge (`fsync`, append-only file); Kafka is one broker,"
        " `acks=all`. The relays' batches are small, so that there are many; all else"
        f" is as `make run` has it. Faults last {seconds:g} seconds where nothing else"
        " is said. Seed"
        f" {seed}; the same seed brings back the same choices, not the same timing.\n"
    )
