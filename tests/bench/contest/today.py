"""What a team would write today, in an environment of its own."""

import json
import os
import sys
from pathlib import Path

from django.conf import settings

from tests.bench import peering
from tests.bench.figures import Say

HOME = Path(__file__).resolve().parents[3] / ".local" / "bench-peers" / "today"
LOCK = Path(__file__).parents[1] / "peers" / "today" / "today.txt"


def install(say: Say) -> None:
    """Make its environment unless it is there; raise PeerAbsent if that fails."""
    peering.install(HOME, LOCK, python=sys.executable, say=say)


def command(port: int) -> tuple[str, ...]:
    """Return how it is served: as OpenCore's own DRF front is."""
    return (
        *(str(HOME / "bin" / "python"), "-m", "gunicorn", "--workers", "1"),
        *("--worker-class", "gthread", "--threads", "16", "--keep-alive", "75"),
        *("--bind", f"127.0.0.1:{port}", "--log-level", "warning"),
        *("--no-control-socket", "tests.bench.peers.today.service:app"),
    )


def environment(*, client: str, upstream: int) -> dict[str, str]:
    """Return what it is told."""
    world = {
        "client": client,
        "upstream": f"http://127.0.0.1:{upstream}",
        "redis": settings.REDIS_URL,
        "key": settings.JWT_SIGNING_KEY,
        "issuer": settings.PUBLIC_URL,
    }
    return {"PATH": os.environ["PATH"], "BENCH_WORLD": json.dumps(world)}
