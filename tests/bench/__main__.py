"""`make bench`: measures OpenCore beside its limits and its peers, in one run.

Machines are shared and noisy: read the ratios, and the medians only as an order of size.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from opencore.localservices import kafka
from opencore.localservices.services import LocalServices
from tests.bench.figures import Result

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
OPTIONS: dict[str, tuple[int, str]] = {
    "events": (200_000, "how many events are drained, emitted, consumed"),
    "rounds": (3, "how often each way is measured"),
    "seconds": (40, "how long each rate of the latency bench lasts"),
    "rows": (1_000_000, "how many more events wait in the large backlog"),
    "snapshot_seconds": (60, "how long an old snapshot is held open"),
    "letters": (5_000, "how many dead letters are replayed"),
    "load_seconds": (5, "how long each contestant of the gateway's is under load"),
    "peer_seconds": (10, "how long a peer may drain in a round, if it does not end"),
}
# The options that each bench takes.
BENCHES = {
    "drain": ("events", "rounds", "brokers", "peers", "peer_seconds"),
    "latency": ("seconds", "brokers"),
    "emitting": ("events", "rounds", "peers"),
    "consuming": ("events", "rounds"),
    "growth": ("events", "rounds", "rows", "brokers", "snapshot_seconds"),
    "replaying": ("letters",),
    "auditing": ("events", "rounds"),
    "refresh": ("events", "rounds"),
    "paging": ("rows", "rounds"),
    "tenancy": ("events", "rounds"),
    "signing_in": ("events",),
    "gateway": ("load_seconds", "rounds", "peers"),
}


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
        _run(arguments)
    finally:
        services.stop()
    return 0


def _run(arguments: argparse.Namespace) -> None:
    import django  # noqa: PLC0415 -- settings are read when it is set up

    django.setup()
    from django.core.management import call_command  # noqa: PLC0415 -- as above

    from tests.bench import machine, report  # noqa: PLC0415 -- as above

    call_command("migrate", verbosity=0)
    call_command("create_topics", stdout=sys.stderr)
    options = {name: getattr(arguments, name) for name in OPTIONS}
    options |= {"peers": arguments.peers, "brokers": arguments.brokers}
    circumstances = machine.describe(kafka=_kafka_version(), options=options)
    result = Result()
    for name in arguments.names or list(BENCHES):
        result += _bench(name)(
            say=_say, **{option: options[option] for option in BENCHES[name]}
        )
        # After each, so that a run that is broken off was not for nothing.
        _keep(arguments, result, circumstances)
    sys.stdout.write(report.terminal(result))


def _keep(
    arguments: argparse.Namespace, result: Result, circumstances: dict[str, str]
) -> None:
    from tests.bench import report  # noqa: PLC0415 -- settings are read when it is set up

    if arguments.json is not None:
        found = {"circumstances": circumstances, **result.to_json()}
        arguments.json.write_text(json.dumps(found, indent=1), "utf-8")
    if arguments.page is not None:
        arguments.page.write_text(report.page(result, circumstances), "utf-8")


def _bench(name: str) -> Callable[..., Result]:
    measure: Callable[..., Result] = import_module(f"tests.bench.{name}").measure
    return measure


def _kafka_version() -> str:
    lock = ROOT / "opencore" / "localservices" / "kafka.lock"
    line = next(
        line
        for line in lock.read_text("utf-8").splitlines()
        if line.startswith("org.apache.kafka:kafka_2.13:")
    )
    return line.split()[0].rpartition(":")[2]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help=f"{', '.join(BENCHES)}; all of them if none is named",
    )
    for name, (default, told) in OPTIONS.items():
        flag = f"--{name.replace('_', '-')}"
        parser.add_argument(flag, type=int, default=default, help=told)
    parser.add_argument(
        "--peers",
        nargs="*",
        default=[
            *sorted(path.stem for path in (HERE / "peers").glob("*.txt")),
            *("nginx", "today"),
        ],
        help="beside which peers; none if none is named",
    )
    parser.add_argument(
        "--brokers",
        nargs="+",
        choices=("mock", "Kafka"),
        default=["mock", "Kafka"],
        help="against which brokers drains and latency are measured",
    )
    parser.add_argument("--json", type=Path, help="write the figures into this file")
    parser.add_argument("--page", type=Path, help="write them as Markdown")
    return parser.parse_args()


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
