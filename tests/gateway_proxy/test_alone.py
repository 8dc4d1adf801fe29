"""A gateway that only forwards starts, is ready and serves without PostgreSQL."""

import json
import sys
from pathlib import Path

from urllib3 import request

from gateway_proxy.core.routes import PREFIXES
from tests.gateway_proxy.redis_server import RedisServer
from tests.gateway_proxy.servers import GUNICORN, running
from tests.gateway_proxy.service import Service
from tests.ports import free_port


def product(port: int) -> tuple[str, ...]:
    """Return how the product itself is served."""
    assert GUNICORN[0] == sys.executable
    return (*GUNICORN, "--workers", "1", "--bind", f"127.0.0.1:{port}")


def test_it_forwards_while_the_database_is_away(
    redis_server: RedisServer, service: Service, bearer: dict[str, str], tmp_path: Path
) -> None:
    nowhere = free_port()
    environment = {
        "GATEWAY_ALONE": "true",
        "GATEWAY_TABLE_FILE": str(tmp_path / "table.json"),
        "GATEWAY_UPSTREAMS": ",".join(
            f"{prefix[1:]}={service.url}" for prefix in PREFIXES
        ),
        "DATABASE_URL": f"postgresql://opencore@127.0.0.1:{nowhere}/opencore",
        "REDIS_URL": redis_server.url,
    }
    port = free_port()
    at = f"http://127.0.0.1:{port}"

    with running(product, port, environment):
        health = {
            path: request("GET", f"{at}{path}").json()
            for path in ("/readyz", "/startupz")
        }
        served = request("GET", f"{at}/billing", headers=bearer)
        other = request("GET", f"{at}/v1/users/me", headers=bearer)

    assert health == {
        "/readyz": {"status": "ready"},
        "/startupz": {"status": "started"},
    }
    assert (served.status, served.data) == (200, service.body)
    assert service.received[0].target == "/v1/billing"
    assert other.status == 503
    assert json.loads(other.data)["code"] == "database_unavailable"
