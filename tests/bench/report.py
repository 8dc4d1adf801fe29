"""A run's figures for a terminal, and as a page."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from operator import attrgetter

from tests.bench.figures import Figure, Goal, Result, number

HEAD = """# Benchmarks

Written by `make bench`; change `tests/bench/`, not this page. Figures are medians, with \
the lowest and the highest round behind them. All ways of one table took turns in one \
run, and a ratio is the median of the rounds' ratios, to the first line unless the line \
says otherwise. The machine was shared with other work: read the ratios, and the rates \
only as an order of size. CPU is that of the process which is measured, without \
PostgreSQL and Kafka. The gateway and whoever is compared with it have one core, and \
the load, the upstream and Redis the next; their CPU is that of all their processes. \
Events have 500 bytes; fsync is on. A peer that had not \
ended when its seconds were over is measured by what had arrived by then.
"""


def terminal(result: Result) -> str:
    """Return everything as one table."""
    lines = [
        f"{'bench':<16} {'what':<58} {'median':>12} {'unit':<15} {'range':<21}"
        f" {'CPU us':>7} {'ratio':>6}"
    ]
    lines += [
        f"{one.bench:<16} {one.what:<58} {one.value:>12,.2f} {one.unit:<15}"
        f" {_range(one):<21} {_optional(one.cpu_us, '.1f'):>7}"
        f" {_optional(one.ratio, '.2f'):>6}"
        for one in result.figures
    ]
    lines += ["", *(_told(goal) for goal in result.goals), *result.remarks]
    return "\n".join(["", *lines, ""])


def page(result: Result, circumstances: Mapping[str, str]) -> str:
    """Return everything in Markdown."""
    parts = [HEAD, _table(["what", "on which"], circumstances.items())]
    if result.goals:
        parts += ["## What was wanted\n", _goals(result.goals)]
    for bench, figures in groupby(result.figures, attrgetter("bench")):
        parts += [f"## {bench}\n", _figures(list(figures))]
    if result.remarks:
        parts += ["## Not measured\n", "\n".join(f"- {it}" for it in result.remarks)]
    return "\n".join(parts).rstrip() + "\n"


def _goals(goals: Sequence[Goal]) -> str:
    return _table(
        ["bench", "what", "wanted", "measured", ""],
        (
            (
                goal.bench,
                goal.what,
                goal.wanted,
                f"{goal.measured:,.2f} {goal.unit}",
                "kept" if goal.kept else "**missed**",
            )
            for goal in goals
        ),
    )


def _figures(figures: Sequence[Figure]) -> str:
    return _table(
        ["what", "median", "unit", "range", "CPU µs each", "ratio"],
        (
            (
                one.what,
                number(one.value),
                one.unit,
                _range(one),
                _optional(one.cpu_us, ".1f"),
                _optional(one.ratio, ".2f"),
            )
            for one in figures
        ),
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _told(goal: Goal) -> str:
    verdict = "kept" if goal.kept else "MISSED"
    return (
        f"{verdict:<7}{goal.bench}: {goal.what}: {goal.measured:,.2f} {goal.unit},"
        f" wanted {goal.wanted}"
    )


def _range(figure: Figure) -> str:
    if figure.low == figure.high:
        return ""
    return f"{number(figure.low)}-{number(figure.high)}"


def _optional(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)
