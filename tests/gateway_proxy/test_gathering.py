"""Requests that are counted together are counted as each by itself would be."""

import asyncio
from collections.abc import Callable
from types import SimpleNamespace

from prometheus_client import CollectorRegistry, generate_latest

from gateway_proxy.accesslog import AccessLog
from gateway_proxy.core.allowance import Policy, Verdict
from gateway_proxy.core.decisions import Decision
from gateway_proxy.core.messages import AccessRecord
from gateway_proxy.metrics import BOUNDS
from gateway_proxy.sight import ProcessSight
from gateway_proxy.streaming import gathering
from gateway_proxy.streaming.gathering import Gathering
from tests.scraping import Scrape, parsed

REFUSED = Decision((Verdict(Policy("user", 25.0, 50), allowed=False, tokens=0.0),))
Sight = ProcessSight | Gathering


class World:
    """What sees, and the page that tells of it."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.sight = ProcessSight(AccessLog(sample=0), self._registry)
        self.gathering = Gathering(self.sight)

    def page(self) -> Scrape:
        return parsed(generate_latest(self._registry).decode())


def see_many(sight: Sight) -> None:
    """See requests of all kinds; two of them never end."""
    seconds = [0.0, *BOUNDS, *(bound + 0.0001 for bound in BOUNDS), 99.0]
    for number, taken in enumerate(seconds):
        sight.began()
        record = AccessRecord(
            method=("GET", "POST", "BREW")[number % 3],
            route=("/billing", None)[number % 2],
            upstream=("a:80", None)[number % 2],
            decision=REFUSED if number % 5 == 0 else None,
            code="token_expired" if number % 7 == 0 else None,
        )
        status = (200, 401, 429, 999)[number % 4]
        sight.finished(record, status=status, seconds=taken, size=0)
    sight.began()
    sight.began()


def in_a_loop(world: World, see: Callable[[Sight], None], *, wait: float) -> Scrape:
    """Return the page after so many seconds."""

    async def seen() -> Scrape:
        see(world.gathering)
        await asyncio.sleep(wait)
        return world.page()

    return asyncio.run(seen())


def test_many_are_counted_as_each_by_itself() -> None:
    one_by_one, together = World(), World()

    see_many(one_by_one.sight)
    page = in_a_loop(together, see_many, wait=0.2)

    expected = one_by_one.page()
    sums = {name for name in expected if name.endswith("_sum")}
    assert {name: page[name] for name in page.keys() - sums} == {
        name: expected[name] for name in expected.keys() - sums
    }
    for name in sums:
        rounded = [
            {labels: round(value, 6) for labels, value in found[name].items()}
            for found in (page, expected)
        ]
        assert rounded[0] == rounded[1]


def test_what_was_counted_is_not_counted_again() -> None:
    world = World()

    in_a_loop(world, see_many, wait=0.2)
    before = world.page()
    world.gathering.tell()

    assert world.page() == before


def test_they_are_counted_a_moment_later_by_themselves() -> None:
    world = World()

    at_once = in_a_loop(world, lambda sight: sight.began(), wait=0)
    later = in_a_loop(World(), lambda sight: sight.began(), wait=0.2)

    assert at_once["gateway_in_flight"] == {(): 0.0}
    assert later["gateway_in_flight"] == {(): 1.0}


def test_each_moment_counts_its_own() -> None:
    told: list[int] = []
    counter = SimpleNamespace(
        add=lambda *, in_flight, answered: told.append(in_flight + len(answered)),
        write=lambda *_args, **_more: None,
    )
    sight = Gathering(counter)

    async def see_twice() -> None:
        for _ in range(2):
            sight.began()
            await asyncio.sleep(10 * gathering.PAUSE)

    asyncio.run(see_twice())

    assert told == [1, 1]
