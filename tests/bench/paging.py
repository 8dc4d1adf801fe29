"""What the page costs that comes after hundreds of thousands of rows."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import Any
from uuid import UUID, uuid4

from django.db import connection
from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from notifications.models import Notification
from notifications.selectors import feed_of
from opencore.rest.pagination import _close, _scope, page
from tests.bench.figures import Goal, Result, Sample, Say, figure_of, interleaved
from tests.bench.samples import patient

DEEP = 400_000
LIMIT = 20
CURSOR, OFFSET = "by cursor", "by OFFSET"
FIRST = "the first page, by cursor"
Feed = QuerySet[Notification]


@dataclass(frozen=True, slots=True)
class Plan:
    """How a page was read."""

    seconds: float
    blocks: float
    indexes: list[str]
    told: str


def measure(*, rows: int, rounds: int, say: Say) -> Result:
    """Measure pages of one feed, by cursor as the API does and by OFFSET."""
    depth, user_id = min(DEEP, rows - 2 * LIMIT), uuid4()
    bench = f"paging, at row {depth:,}"
    _fill(user_id, depth + 2 * LIMIT)
    try:
        feed = feed_of(user_id=user_id, unread=False)
        ordered = feed.order_by("-created_at", "-id")
        after = _after(ordered[depth - 1])
        ways: dict[str, Callable[[], list[Notification]]] = {
            OFFSET: lambda: list(ordered[depth : depth + LIMIT + 1]),
            CURSOR: lambda: page(feed, after, key=KEY).rows,
            FIRST: lambda: page(feed, _request({}), key=KEY).rows,
        }
        _are_the_same(ways)
        found = interleaved(
            bench,
            {name: partial(_asking, ask) for name, ask in ways.items()},
            rounds=max(rounds, 5),
            unit="pages/s",
            say=say,
        )
        plans = {name: _plan(ways[name]) for name in (OFFSET, CURSOR)}
        inside = interleaved(
            f"{bench}, in PostgreSQL",
            {name: partial(_within, ways[name]) for name in plans},
            rounds=max(rounds, 5),
            unit="pages/s",
            say=say,
        )
        for plan in plans.values():
            say(plan.told)
    finally:
        with patient() as own:
            own.execute("truncate notifications_notification cascade")
    read = [
        figure_of(
            f"{bench}, what PostgreSQL reads", name, [Sample(plan.blocks)], "blocks"
        )
        for name, plan in plans.items()
    ]
    by_index = plans[CURSOR].indexes.count(INDEX)
    goals = [
        inside.at_least(100, CURSOR, of=OFFSET),
        Goal(
            bench=bench,
            what=f"the plan of the page by cursor has the index {INDEX}",
            wanted="once",
            measured=by_index,
            unit="x",
            kept=by_index == 1,
        ),
    ]
    return Result([*found.figures(), *inside.figures(), *read], goals)


def _are_the_same(ways: dict[str, Callable[[], list[Notification]]]) -> None:
    by_offset = [row.id for row in ways[OFFSET]()][:LIMIT]
    if by_offset != [row.id for row in ways[CURSOR]()]:
        raise RuntimeError("The two ways find different pages.")


def _asking(ask: Callable[[], object]) -> Sample:
    ask()
    times, began = 0, perf_counter()
    while times < 3 or perf_counter() - began < 0.5:
        ask()
        times += 1
    return Sample(times / (perf_counter() - began))


def _within(ask: Callable[[], object]) -> Sample:
    return Sample(1 / _plan(ask).seconds)


def _plan(ask: Callable[[], object]) -> Plan:
    """Return how long PostgreSQL takes, how much it reads and by which indexes."""
    statements: list[Any] = []

    def note(execute: Callable[..., object], *statement: Any) -> object:
        statements.append(statement[:2])
        return execute(*statement)

    with connection.execute_wrapper(note):
        ask()
    (sql, parameters), *_ = statements
    with connection.cursor() as cursor:
        cursor.execute(f"explain (analyze, buffers, format json) {sql}", parameters)
        explained = cursor.fetchone()[0][0]
    top = explained["Plan"]
    nodes = _nodes(top)
    return Plan(
        seconds=explained["Execution Time"] / 1000,
        blocks=float(top["Shared Hit Blocks"] + top["Shared Read Blocks"]),
        indexes=[str(node.get("Index Name")) for node in nodes],
        told=" < ".join(" ".join(map(str, _told(node))) for node in nodes),
    )


def _told(node: dict[str, Any]) -> list[object]:
    known = ("Node Type", "Index Name", "Index Cond", "Actual Rows")
    return [node[name] for name in known if name in node]


def _nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    below = [node for each in plan.get("Plans", []) for node in _nodes(each)]
    return [plan, *below]


def _after(row: Notification) -> Request:
    request = _request({})
    return _request({"cursor": _close(row, _scope(request), KEY)})


def _request(query: dict[str, str]) -> Request:
    return Request(APIRequestFactory().get("/v1/notifications", query))


def _fill(user_id: UUID, rows: int) -> None:
    with patient() as own:
        own.execute(FILL, [user_id, rows])
        own.execute("vacuum analyze notifications_notification")


KEY = ("created_at", "id")
INDEX = "notifications_feed"
FILL = """
insert into notifications_notification
    (id, user_id, type, event_id, title, body, data, created_at)
select gen_random_uuid(), %s, 'welcome', gen_random_uuid(), 'Hello', 'A few words.',
       '{}', now() - make_interval(secs => n)
from generate_series(1, %s) as n
"""
