"""`make bench`: measures OpenCore beside its physical limits, in one run.

Machines are shared and noisy: read the ratios, and the medians only as an order of size.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

from opencore.localservices import kafka
from opencore.localservices.services import LocalServices
from tests.bench.figures import Figure, show

ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    """Start services of the benches' own, run what was asked for, print the tables."""
    arguments = _arguments()
    # The compiler that makes a start quick makes a long run slow.
    kafka.FLAGS = [flag for flag in kafka.FLAGS if "TieredStop" not in flag]
    services = LocalServices(root=ROOT, profile="bench", say=_say, environment={})
    services.start(wait=True)
    try:
        services.wait_ready()
        os.environ.update(services.urls())
        os.environ["DJANGO_SETTINGS_MODULE"] = "opencore.settings.test"
        os.environ["LOG_LEVEL"] = "ERROR"
        figures = _run(arguments)
    finally:
        services.stop()
    sys.stdout.write(show(figures))
    if arguments.json is not None:
        rows = [figure.to_json() for figure in figures]
        arguments.json.write_text(json.dumps(rows, indent=1), "utf-8")
    return 0


def _run(arguments: argparse.Namespace) -> list[Figure]:
    import django  # noqa: PLC0415 -- settings are read when it is set up

    django.setup()
    from django.core.management import call_command  # noqa: PLC0415 -- as above

    from tests.bench import drain, emitting, latency, serving  # noqa: PLC0415 -- as above

    call_command("migrate", verbosity=0)
    call_command("create_topics", stdout=sys.stderr)
    benches: dict[str, Callable[[], list[Figure]]] = {
        "drain": lambda: drain.measure(
            events=arguments.events, rounds=arguments.rounds, say=_say
        ),
        "latency": lambda: latency.measure(seconds=arguments.seconds, say=_say),
        "emitting": lambda: emitting.measure(
            transactions=arguments.events // 20, rounds=arguments.rounds, say=_say
        ),
        "serving": lambda: serving.measure(
            requests=arguments.events // 20, rounds=arguments.rounds, say=_say
        ),
    }
    chosen = arguments.names or list(benches)
    return [figure for name in chosen for figure in benches[name]()]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help="drain, latency, emitting, serving; all of them if none is named",
    )
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--json", type=Path, help="write the figures into this file")
    return parser.parse_args()


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
