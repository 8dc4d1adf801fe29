"""`python -m opencore.localservices run | demo | down | up | exec`."""

import argparse
import errno
import os
import signal
import subprocess
import sys
from pathlib import Path
from threading import Event
from time import monotonic

from opencore.localservices.parts import PYTHON
from opencore.localservices.places import LocalServiceError
from opencore.localservices.services import VARIABLES, LocalServices
from opencore.localservices.state import RunningSystem, read_running, wish_folder
from opencore.localservices.supervisor import Supervisor
from opencore.localservices.terminal import Terminal

ROOT = Path(__file__).resolve().parent.parent.parent
START_WITHIN = 180.0
CHANGE_WITHIN = 60.0
DISK_TROUBLE = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES}


def main() -> int:
    """Do what the command line says; return the exit status."""
    parser = _parser()
    arguments, unknown = parser.parse_known_args()
    if arguments.act is demo:
        # What begins with a dash is for `manage.py demo`; argparse's REMAINDER
        # does not take it.
        arguments.rest = unknown
    elif unknown:
        parser.error(f"unrecognized arguments: {' '.join(unknown)}")
    try:
        return int(arguments.act(arguments))
    except LocalServiceError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except OSError as error:
        if error.errno not in DISK_TROUBLE:
            raise
        sys.stderr.write(f"{error.filename or ROOT}: {error.strerror}.\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("Stopped.\n")
        return 130


def run(arguments: argparse.Namespace) -> int:
    """Run the system until it is stopped."""
    Supervisor(ROOT, Terminal(quiet=arguments.quiet)).run()
    return 0


def demo(arguments: argparse.Namespace) -> int:
    """Run the smoke test against the running system, or against one of its own."""
    running = read_running(ROOT)
    if running is not None:
        return _demo(running, arguments.rest)
    # Like Ctrl-C, so that the system of its own is ended.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    print("Nothing runs here; starting a system for the demo", flush=True)
    own = subprocess.Popen(
        [PYTHON, "-m", "opencore.localservices", "run"], cwd=ROOT, process_group=0
    )
    try:
        return _demo(_until_ready(own), arguments.rest)
    finally:
        own.send_signal(signal.SIGTERM)
        own.wait(60)


def down(arguments: argparse.Namespace) -> int:
    """Stop one service of the running system, and keep it stopped."""
    _controllable(arguments.part)
    (wish_folder(ROOT) / arguments.part).touch()
    _until_part(arguments.part, "down")
    print(f"{arguments.part} is down. `make {arguments.part}-up` starts it again.")
    return 0


def up(arguments: argparse.Namespace) -> int:
    """Start one service of the running system again."""
    _controllable(arguments.part)
    (wish_folder(ROOT) / arguments.part).unlink(missing_ok=True)
    _until_part(arguments.part, "up")
    print(f"{arguments.part} is up.")
    return 0


def execute(arguments: argparse.Namespace) -> int:
    """Run a command beside the services of the test profile, then stop them."""
    services = LocalServices(root=ROOT, profile="test", say=print)
    parts = arguments.parts.split(",")
    try:
        services.start(parts, wait=True)
        services.wait_ready(parts)
        env = {**os.environ, **services.urls()}
        command = [part for part in arguments.rest if part != "--"]
        return subprocess.run(command, check=False, env=env).returncode
    finally:
        services.stop()


def manage(arguments: argparse.Namespace) -> int:
    """Run a command of manage.py against the running system."""
    running = read_running(ROOT)
    if running is None:
        raise LocalServiceError(
            "Nothing runs in this checkout; start it by `make run`."
        )
    env = {**os.environ, **running.environment}
    command = [PYTHON, "manage.py", *arguments.rest]
    return subprocess.run(command, check=False, cwd=ROOT, env=env).returncode


def _demo(running: RunningSystem, rest: list[str]) -> int:
    env = {**os.environ, **running.environment}
    command = [PYTHON, "manage.py", "demo", *rest]
    return subprocess.run(command, check=False, cwd=ROOT, env=env).returncode


def _until_ready(own: "subprocess.Popen[bytes]") -> RunningSystem:
    give_up = monotonic() + START_WITHIN
    while monotonic() < give_up and own.poll() is None:
        running = read_running(ROOT)
        if running is not None and running.ready:
            return running
        Event().wait(0.1)
    raise LocalServiceError("The system for the demo did not start.")


def _controllable(part: str) -> None:
    running = read_running(ROOT)
    if running is None:
        raise LocalServiceError(
            "Nothing runs in this checkout; start it by `make run`."
        )
    if running.parts.get(part) == "external":
        raise LocalServiceError(
            f"{part} is yours, named by {VARIABLES[part]}; stop and start it yourself."
        )


def _until_part(part: str, wanted: str) -> None:
    give_up = monotonic() + CHANGE_WITHIN
    while monotonic() < give_up:
        running = read_running(ROOT)
        if running is None:
            raise LocalServiceError("The running system ended meanwhile.")
        if running.parts.get(part) == wanted:
            return
        Event().wait(0.05)
    raise LocalServiceError(f"{part} did not become {wanted} in time; see .local/log.")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m opencore.localservices")
    acts = parser.add_subparsers(required=True)
    running = acts.add_parser("run", help="start everything and keep it running")
    running.add_argument("--quiet", action="store_true", help="print only trouble")
    running.set_defaults(act=run)
    smoke = acts.add_parser("demo", help="the smoke test")
    smoke.set_defaults(act=demo)
    for act in (down, up):
        changing = acts.add_parser(act.__name__, help=act.__doc__)
        changing.add_argument("part", choices=sorted(VARIABLES))
        changing.set_defaults(act=act)
    managing = acts.add_parser("manage", help="manage.py on the running system")
    managing.add_argument("rest", nargs=argparse.REMAINDER)
    managing.set_defaults(act=manage)
    beside = acts.add_parser("exec", help="run a command beside test services")
    beside.add_argument("--parts", default=",".join(VARIABLES))
    beside.add_argument("rest", nargs=argparse.REMAINDER)
    beside.set_defaults(act=execute)
    return parser


if __name__ == "__main__":
    sys.exit(main())
