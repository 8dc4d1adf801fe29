"""Who runs on which core: the measured process has one, all others share the next."""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import psutil
from redis import Redis

ENOUGH = hasattr(os, "sched_setaffinity") and shutil.which("taskset") is not None
CORES: Sequence[int] = sorted(os.sched_getaffinity(0))[:2] if ENOUGH else ()
APART = len(CORES) == 2


def measured(command: Sequence[str]) -> tuple[str, ...]:
    """Return the command of a process that is measured."""
    return ("taskset", "-c", str(CORES[0]), *command) if APART else tuple(command)


@contextmanager
def others_apart(redis_url: str) -> Iterator[None]:
    """Keep this process, what it starts, and Redis off the measured core."""
    if not APART:
        yield
        return
    with Redis.from_url(redis_url) as client:
        redis = psutil.Process(int(client.info("server")["process_id"]))
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {CORES[1]})
    redis.cpu_affinity([CORES[1]])
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
        redis.cpu_affinity(sorted(before))


def cpu_seconds(pid: int) -> float:
    """Return what the process and its children have burnt so far."""
    parent = psutil.Process(pid)
    family = [parent, *parent.children(recursive=True)]
    spent = [member.cpu_times() for member in family]
    return sum(one.user + one.system for one in spent)


def megabytes(pid: int) -> float:
    """Return what the largest process of the family holds in memory."""
    parent = psutil.Process(pid)
    family = [parent, *parent.children(recursive=True)]
    return max(member.memory_info().rss for member in family) / 1024**2
