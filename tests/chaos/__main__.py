"""`make chaos`: breaks everything while writers write, and counts what came of it."""

import argparse
import os
import sys
from pathlib import Path
from random import SystemRandom
from time import monotonic

from opencore.localservices.places import LocalServiceError
from tests.chaos.lab import Lab
from tests.chaos.nemesis import Finding, run
from tests.chaos.page import page, versions
from tests.chaos.scenario import Extent, Scenario
from tests.chaos.table import SCENARIOS


def main() -> int:
    """Run what was asked for; return 1 if a promise did not hold."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "opencore.settings.test")
    arguments = _arguments()
    chosen = [SCENARIOS[name] for name in arguments.only.split(",")]
    extent = Extent(seconds=arguments.seconds, kills=arguments.kills)
    _say(f"seed {arguments.seed}")
    lab = Lab()
    try:
        lab.start()
        found = [_try(lab, one, extent, arguments.seed) for one in chosen]
        ended = [finding for finding in found if finding is not None]
        if arguments.write is not None and len(ended) == len(chosen):
            text = page(
                ended,
                named=versions(lab),
                seed=arguments.seed,
                seconds=extent.seconds,
            )
            arguments.write.write_text(text, "utf-8")
    finally:
        lab.stop()
    broken = [
        scenario.id
        for scenario, finding in zip(chosen, found, strict=True)
        if finding is None or not finding.holds
    ]
    _say(f"{len(chosen)} scenarios; broken: {', '.join(broken) or 'none'}")
    return int(bool(broken))


def _try(lab: Lab, scenario: Scenario, extent: Extent, seed: int) -> Finding | None:
    began = monotonic()
    try:
        finding = run(lab, scenario, extent=extent, seed=seed)
    except (AssertionError, LocalServiceError) as error:
        # The others may still tell something.
        _say(f"{scenario.id}  BROKEN  {error}")
        return None
    verdict = finding.verdict
    _say(
        f"{scenario.id}  {'holds' if finding.holds else 'BROKEN'}"
        f"  written {verdict.written}, delivered {verdict.delivered},"
        f" duplicates {verdict.duplicates}, lost {verdict.lost},"
        f" phantom {verdict.phantom}, reordered {verdict.reordered},"
        f" unknown {finding.unknown}, counted {finding.counted},"
        f" kills {finding.kills}, recovery {finding.recovery:.1f} s"
        f"  ({monotonic() - began:.0f} s)"
    )
    return finding


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos")
    parser.add_argument("--only", default=",".join(SCENARIOS), help="ids, with commas")
    parser.add_argument("--seconds", type=float, default=Extent().seconds)
    parser.add_argument("--kills", type=int, default=Extent().kills)
    parser.add_argument("--seed", type=int, default=SystemRandom().randrange(10**6))
    parser.add_argument("--write", type=Path, help="write the table into this file")
    return parser.parse_args()


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
