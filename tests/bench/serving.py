"""What the gateway costs a request, as a deployment serves it."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import urllib3
from django.db import connection
from django.utils import timezone

from accounts.services import find_or_create_user
from opencore.localservices.parts import PARTS
from opencore.localservices.places import answers
from opencore.localservices.process import Child
from opencore.tokens import mint_access
from tests.bench.figures import Result, Sample, Say, interleaved, timed
from tests.gateway_proxy.redis_server import free_port

CLIENTS = 8


def measure(*, events: int, rounds: int, say: Say) -> Result:
    """Measure one endpoint asked directly, and asked through the gateway."""
    requests = max(events // 100, 1)
    user = find_or_create_user(email="ada@example.com", actor_id=None)
    token = mint_access(
        user_id=user.id, session_id=uuid4(), role="user", now=timezone.now()
    )
    connection.close()
    port = free_port()
    with TemporaryDirectory() as folder:
        server = _serve(port, Path(folder))
        try:
            found = interleaved(
                "serving",
                {
                    "GET /v1/users/me, without the gateway": lambda: _ask(
                        port, "/v1/users/me", token, requests
                    ),
                    "GET /users/me, through the gateway in the process": lambda: _ask(
                        port, "/users/me", token, requests
                    ),
                },
                rounds=rounds,
                unit="requests/s",
                say=say,
            )
            return Result(found.figures())
        finally:
            server.stop()


def _serve(port: int, folder: Path) -> Child:
    (api,) = (part for part in PARTS if part.name == "api")
    limits = {"GATEWAY_RATE": "1000000", "GATEWAY_BURST": "1000000"}
    server = Child(
        "api",
        api.command(port),
        log=folder / "api.log",
        env={**os.environ, **limits, "DRAIN_SECONDS": "0"},
    )
    server.wait_until(lambda: answers(port), seconds=60)
    return server


def _ask(port: int, path: str, token: str, requests: int) -> Sample:
    pool = urllib3.HTTPConnectionPool("127.0.0.1", port, maxsize=CLIENTS)
    headers = {"Authorization": f"Bearer {token}"}

    def ask(_: int) -> None:
        answer = pool.request("GET", path, headers=headers, timeout=30)
        assert answer.status == 200, answer.data

    ask(0)
    with ThreadPoolExecutor(CLIENTS) as threads:
        spent = timed(requests, lambda: list(threads.map(ask, range(requests))))
    # The client's own CPU says nothing of the server.
    return Sample(spent.value)
