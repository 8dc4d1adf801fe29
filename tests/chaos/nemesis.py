"""Runs scenarios: writers write, something is broken, it heals, everything is counted."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.chance import chance_of
from tests.chaos.checker import Sighting, Verdict, judge
from tests.chaos.lab import WRITERS, Lab
from tests.chaos.observer import sightings_of
from tests.chaos.oracle import Outcome, read_oracle
from tests.chaos.scenario import Extent, Scenario

SETTLES_WITHIN = 120.0
CALM = 1.0
Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """What one scenario came to."""

    scenario: Scenario
    verdict: Verdict
    unknown: int
    counted: int
    kills: int
    recovery: float
    note: str

    @property
    def holds(self) -> bool:
        """Return whether the promises held, or the mutant was caught."""
        if self.scenario.mutant:
            return self.verdict.reordered > 0
        whole = self.verdict.delivered == self.verdict.written > 0
        return whole and self.verdict.broken == (0, 0, 0) and self.counted == 0


def run(lab: Lab, scenario: Scenario, *, extent: Extent, seed: int) -> Finding:
    """Run one scenario and count; what it broke is healed afterwards."""
    folder = lab.services.places.home / "oracle" / scenario.id
    lab.heal()
    lab.kills, lab.kept = 0, []
    counted = lab.held_against_events()
    scenario.before(lab)
    lab.only(scenario.processes)
    keys = lab.start_writers(folder, f"{seed}:{scenario.id}", *scenario.writers)
    lab.pause(CALM)
    scenario.fault(lab, chance_of(seed, scenario.id), extent)
    recovery = lab.seconds_until_delivered()
    lab.pause(CALM)
    lab.kill_writers()
    lab.until_settled(seconds=SETTLES_WITHIN)
    oracle = read_oracle(folder / name for name in WRITERS)
    kept = [one for one in lab.kept if one.write.key in keys]
    seen = [*kept, *sightings_of(lab, keys)]
    _keep(seen, folder / "seen")
    verdict = judge(oracle, lab.stored(keys), seen)
    return Finding(
        scenario=scenario,
        verdict=verdict,
        unknown=len(oracle.of(Outcome.UNKNOWN)),
        counted=lab.held_against_events() - counted,
        kills=lab.kills,
        recovery=recovery,
        note=scenario.proof(lab, keys),
    )


def _keep(seen: Sequence[Sighting], path: Path) -> None:
    """Leave what was seen beside the writers' logs, for whoever asks what broke."""
    path.write_text("".join(f"{one}\n" for one in seen), "utf-8")
