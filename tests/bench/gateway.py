"""What the gateway costs, beside nginx and beside what a team would write today."""

from collections.abc import Callable, Sequence
from functools import partial

from tests.bench.contest import cores, deciding, field
from tests.bench.contest.field import Contestant, Field, side_by_side
from tests.bench.figures import Figure, Goal, Result, Rounds, Sample, Say, interleaved

PROXYING = (
    field.DRF,
    field.OWN,
    field.ASGI,
    field.UVICORN,
    field.REQUESTS,
    field.HTTPX,
    field.LUA,
    field.NGINX,
    field.ALONE,
)
INSIDE = (field.GUARDED, field.INSIDE)
ONE_BY_ONE = (
    *(field.ALONE, field.NGINX, field.LUA, field.OWN),
    *(field.ASGI, field.UVICORN, field.DRF),
)
ADDED_MS = 0.6
PIPELINES = "redis-py, a pipeline for all of a moment"
MESSAGES = "OpenCore, a message of its own"
DECISIONS = 8_000


def measure(
    *, load_seconds: int, rounds: int, peers: Sequence[str], say: Say
) -> Result:
    """Measure all contestants on one core, with the load and the upstream on another."""
    with side_by_side(peers=peers, say=say) as contestants:
        contestants.warm(load_seconds)
        turns = partial(_turns, contestants, load_seconds, rounds, say)
        proxying = turns("gateway", PROXYING, Contestant.rate, "requests/s")
        inside = turns("gateway, inside", INSIDE, Contestant.rate, "requests/s")
        alone = turns("gateway, p50", ONE_BY_ONE, Contestant.p50, "ms")
        asked = _deciding(max(load_seconds, 1), rounds, say)
        goals = [
            *(*_speed(proxying), *_inside(inside), *_delay(alone)),
            asked.at_least(1.5, MESSAGES, of=PIPELINES),
        ]
        tables = (proxying, inside, alone, asked)
        figures = [figure for table in tables for figure in table.figures()]
        servers = contestants.those(PROXYING).items()
        memory = [_memory(name, server) for name, server in servers]
        return Result(figures + memory, goals, contestants.remarks)


def _deciding(seconds: int, rounds: int, say: Say) -> Rounds:
    """Measure what one process can ask of Redis; both share the load's core."""
    ways = {
        PIPELINES: partial(deciding.by_pipelines, seconds * DECISIONS),
        MESSAGES: partial(deciding.by_messages, seconds * DECISIONS),
    }
    unit = "decisions/s"
    return interleaved("gateway, decisions", ways, rounds=rounds, unit=unit, say=say)


def _turns(
    contestants: Field,
    seconds: int,
    rounds: int,
    say: Say,
    bench: str,
    names: Sequence[str],
    measured: Callable[[Contestant, int], Sample],
    unit: str,
) -> Rounds:
    ways = {
        name: partial(measured, one, seconds)
        for name, one in contestants.those(names).items()
    }
    return interleaved(bench, ways, rounds=rounds, unit=unit, say=say)


def _speed(found: Rounds) -> list[Goal]:
    if field.OWN not in found.samples:
        return []
    goals = [found.at_least(10, field.OWN, of=field.DRF)]
    if field.LUA in found.samples:
        goals.append(found.at_least(0.4, field.OWN, of=field.LUA))
    return goals


def _inside(found: Rounds) -> list[Goal]:
    if field.INSIDE not in found.samples:
        return []
    return [found.at_least(1.4, field.INSIDE, of=field.GUARDED)]


def _delay(found: Rounds) -> list[Goal]:
    if field.OWN not in found.samples:
        return []
    added = found.middle(field.OWN) - found.middle(field.ALONE)
    return [
        Goal(
            bench=found.bench,
            what="what the front adds to the upstream alone",
            wanted=f"<= {ADDED_MS} ms",
            measured=added,
            unit="ms",
            kept=added <= ADDED_MS,
        )
    ]


def _memory(name: str, contestant: Contestant) -> Figure:
    found = cores.megabytes(contestant.server.pid)
    return Figure(
        bench="gateway, memory",
        what=name,
        value=found,
        unit="MB",
        low=found,
        high=found,
    )
