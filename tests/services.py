"""Starts the real PostgreSQL, Redis and Kafka of the tests before Django is set up."""

import atexit
import os
import sys
from pathlib import Path

from opencore.localservices.services import VARIABLES, LocalServices

ROOT = Path(__file__).resolve().parent.parent


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


# What tests write lies in the checkout, too.
temporary = ROOT / ".local" / "tmp"
temporary.mkdir(mode=0o700, parents=True, exist_ok=True)
os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(temporary))

services = LocalServices(root=ROOT, profile="test", say=_say)
if any(not os.environ.get(name) for name in VARIABLES.values()):
    services.start(wait=True)
    atexit.register(services.stop)
    services.wait_ready()
    os.environ.update(services.urls())
