"""Each alert of the gateway is fired by what it warns of."""

import math
import operator
import re
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from gateway_proxy.core.messages import AccessRecord
from gateway_proxy.metrics import Counts
from tests.alerts import rules_of
from tests.scraping import Labels, Scrape, parsed

RULES = rules_of("gateway")
SUM = r"sum(?: by \(\w+\))? \(rate\(\w+(?:\{[^}]*\})?\[5m\]\)\)"
EXPRESSION = re.compile(rf"(\w+|{SUM} / {SUM}) (>|<) (\d+(?:\.\d+)?)")
RATE = re.compile(r"sum(?: by \((\w+)\))? \(rate\((\w+)(?:\{([^}]*)\})?\[5m\]\)\)")
COMPARE = {">": operator.gt, "<": operator.lt}


@dataclass
class World:
    """A gateway that is well, and what was read of it five minutes ago."""

    registry: CollectorRegistry = field(default_factory=CollectorRegistry)

    def __post_init__(self) -> None:
        self.sight = Counts(self.registry)
        self.answer_well()
        self.sight.limiter_moved(local=False)
        self.sight.table_seen(1, stale_seconds=2.0)
        self.before = self.read()
        self.answer_well()

    def read(self) -> Scrape:
        return parsed(generate_latest(self.registry).decode())

    def answer(
        self, times: int, *, status: int = 200, seconds: float = 0.02, code: str = ""
    ) -> None:
        record = AccessRecord(
            method="GET",
            route="/billing",
            upstream="http://billing:80",
            code=code or None,
        )
        for _ in range(times):
            self.sight.began()
            self.sight.finished(record, status=status, seconds=seconds, size=2)

    def answer_well(self) -> None:
        """Answer a hundred requests as they come on an ordinary day."""
        self.answer(93)
        self.answer(2, seconds=1.5)
        self.answer(3, status=401, code="token_expired")
        self.answer(2, status=503)

    def lose_redis(self) -> None:
        self.sight.limiter_moved(local=True)

    def fail(self) -> None:
        self.answer(10, status=502)

    def leave_an_upstream_alone(self) -> None:
        self.sight.breaker_moved("http://billing:80", is_open=True)

    def lose_a_key(self) -> None:
        self.answer(60, status=401, code="token_invalid")

    def lose_the_table(self) -> None:
        self.sight.table_seen(1, stale_seconds=61.0)

    def be_slow(self) -> None:
        self.answer(10, seconds=1.2)


CAUSES: dict[str, Callable[[World], None]] = {
    "GatewayLimiterLocal": World.lose_redis,
    "GatewayUpstreamFailing": World.fail,
    "GatewayBreakerOpen": World.leave_an_upstream_alone,
    "GatewayRefusesTokens": World.lose_a_key,
    "GatewayTableStale": World.lose_the_table,
    "GatewaySlow": World.be_slow,
}


def firing(world: World) -> set[str]:
    """Return the alerts whose expressions hold for what the page says now."""
    now = world.read()
    return {
        name for name, rule in RULES.items() if holds(rule["expr"], world.before, now)
    }


def holds(expression: str, before: Scrape, now: Scrape) -> bool:
    """Evaluate the two forms that rules have: a metric, and a share of two rates."""
    match = EXPRESSION.fullmatch(expression)
    assert match is not None, expression
    value, compare, number = match.groups()
    part, _, whole = value.partition(" / ")
    found = list(now.get(value, {}).values())
    if whole:
        parts, wholes = rates(part, before, now), rates(whole, before, now)
        found = [parts.get(group, math.nan) / wholes[group] for group in wholes]
    return any(COMPARE[compare](one, float(number)) for one in found)


def rates(term: str, before: Scrape, now: Scrape) -> dict[str, float]:
    """Return what was added to a metric since before, summed up by a label."""
    match = RATE.fullmatch(term)
    assert match is not None, term
    by, name, selected = match.groups()
    wanted = set(re.findall(r'(\w+)="([^"]*)"', selected or ""))
    assert now[name], name
    added: dict[str, float] = defaultdict(float)
    for sample, value in now[name].items():
        added[dict(sample).get(by, "")] += (
            value - _value(before, name, sample) if wanted <= set(sample) else 0.0
        )
    return added


def _value(page: Scrape, name: str, sample: Labels) -> float:
    return page.get(name, {}).get(sample, 0.0)


def test_a_gateway_that_is_well_wakes_nobody() -> None:
    assert firing(World()) == set()


@pytest.mark.parametrize("name", RULES)
def test_an_alert_is_fired_by_what_it_warns_of_and_no_other_is(name: str) -> None:
    world = World()

    CAUSES[name](world)

    assert firing(world) == {name}


def test_nothing_is_tried_that_is_no_alert() -> None:
    assert set(CAUSES) == set(RULES)
