"""What a bench measures: medians over rounds, beside the limits of the same run."""

import gc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from math import ceil
from statistics import median
from time import perf_counter, process_time

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Sample:
    """What one way came to in one round."""

    value: float
    cpu_us: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """One line of a table: a median, and between what the rounds lay."""

    bench: str
    what: str
    value: float
    unit: str
    low: float
    high: float
    cpu_us: float | None = None
    ratio: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Goal:
    """Something that was wanted of a figure, and whether this run came up to it."""

    bench: str
    what: str
    wanted: str
    measured: float
    unit: str
    kept: bool


@dataclass(frozen=True, slots=True)
class Result:
    """All that benches found; a remark says what could not be measured and why."""

    figures: list[Figure] = field(default_factory=list)
    goals: list[Goal] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def __add__(self, other: "Result") -> "Result":
        return Result(
            self.figures + other.figures,
            self.goals + other.goals,
            self.remarks + other.remarks,
        )

    def to_json(self) -> dict[str, object]:
        """Return it as plain values."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True, slots=True)
class Rounds:
    """What every way came to, round by round; ratios are to the first way."""

    bench: str
    unit: str
    samples: Mapping[str, Sequence[Sample]]

    def figures(self) -> list[Figure]:
        """Return a line for each way."""
        first = next(iter(self.samples))
        return [
            figure_of(self.bench, name, found, self.unit, ratio=self.ratio(name, first))
            for name, found in self.samples.items()
        ]

    def ratio(self, name: str, to: str) -> float:
        """Return the median of the rounds' ratios: both saw the same noise."""
        pairs = zip(self.samples[name], self.samples[to], strict=True)
        return median(mine.value / theirs.value for mine, theirs in pairs)

    def middle(self, name: str) -> float:
        """Return the median of one way."""
        return median(sample.value for sample in self.samples[name])

    def at_least(self, wanted: float, name: str, *, of: str) -> Goal:
        """Return whether this way reaches so many times the other."""
        found = self.ratio(name, of)
        return self._goal(name, of, f">= {wanted:g} x", found, kept=found >= wanted)

    def at_most(self, wanted: float, name: str, *, of: str) -> Goal:
        """Return whether this way stays below so many times the other."""
        found = self.ratio(name, of)
        return self._goal(name, of, f"<= {wanted:g} x", found, kept=found <= wanted)

    def _goal(
        self, name: str, of: str, wanted: str, found: float, *, kept: bool
    ) -> Goal:
        return Goal(
            bench=self.bench,
            what=f"{name}, against {of}",
            wanted=wanted,
            measured=found,
            unit="x",
            kept=kept,
        )


def interleaved(
    bench: str,
    ways: Mapping[str, Callable[[], Sample]],
    *,
    rounds: int,
    unit: str,
    say: Say,
) -> Rounds:
    """Measure each way once a round, one after another."""
    samples: dict[str, list[Sample]] = {name: [] for name in ways}
    for turn in range(1, rounds + 1):
        for name, measure in ways.items():
            found = measure()
            samples[name].append(found)
            say(f"{bench} {turn} of {rounds}: {name}: {number(found.value)} {unit}")
    return Rounds(bench=bench, unit=unit, samples=samples)


def figure_of(
    bench: str,
    what: str,
    samples: Sequence[Sample],
    unit: str,
    *,
    ratio: float | None = None,
) -> Figure:
    """Return the line of one way."""
    values = [sample.value for sample in samples]
    cpu = [sample.cpu_us for sample in samples if sample.cpu_us is not None]
    return Figure(
        bench=bench,
        what=what,
        value=median(values),
        unit=unit,
        low=min(values),
        high=max(values),
        cpu_us=median(cpu) if cpu else None,
        ratio=ratio,
    )


def timed(count: int, act: Callable[[], object]) -> Sample:
    """Return how many per second that is, and what each cost this process."""
    gc.collect()
    began, cpu = perf_counter(), process_time()
    act()
    seconds, cpu = perf_counter() - began, process_time() - cpu
    return Sample(count / seconds, cpu / count * 1e6)


def number(value: float) -> str:
    """Return it with as many digits as say something."""
    return f"{value:,.0f}" if value >= 100 else f"{value:,.2f}"


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that at least this share does not exceed."""
    ordered = sorted(values)
    return ordered[max(ceil(share * len(ordered)), 1) - 1]
