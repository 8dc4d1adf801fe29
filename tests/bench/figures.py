"""What a bench measures: medians over rounds, beside the limit of the same run."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from time import perf_counter

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of a table; the ratio is to the first line of its bench."""

    bench: str
    what: str
    value: float
    unit: str
    ratio: float | None = None

    def to_json(self) -> dict[str, object]:
        """Return it as plain values."""
        return asdict(self)


def interleaved(
    bench: str,
    ways: dict[str, Callable[[], float]],
    *,
    rounds: int,
    unit: str,
    say: Say,
) -> list[Figure]:
    """Measure each way once a round, one after another; the first is the limit."""
    measured: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(1, rounds + 1):
        for name, measure in ways.items():
            measured[name].append(measure())
            say(
                f"{bench} {number} of {rounds}: {name}: {measured[name][-1]:,.0f} {unit}"
            )
    limit = median(next(iter(measured.values())))
    return [
        Figure(bench, name, median(values), unit, median(values) / limit)
        for name, values in measured.items()
    ]


def rate(count: int, act: Callable[[], object]) -> float:
    """Return how many per second that is."""
    began = perf_counter()
    act()
    return count / (perf_counter() - began)


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which this share lies, by the nearest rank."""
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


def show(figures: Sequence[Figure]) -> str:
    """Return the figures as a table."""
    lines = ["", f"{'bench':<10} {'what':<52} {'median':>12} {'unit':<14} ratio"]
    for figure in figures:
        ratio = "" if figure.ratio is None else f"{figure.ratio:.2f}"
        lines.append(
            f"{figure.bench:<10} {figure.what:<52} {figure.value:>12,.2f}"
            f" {figure.unit:<14} {ratio}"
        )
    return "\n".join([*lines, ""])
