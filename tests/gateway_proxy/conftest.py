"""A gateway with a Redis and a service of its own."""

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from django.utils import timezone
from pytest_django import Settings

from gateway_proxy import watching
from gateway_proxy.blocking import run
from gateway_proxy.defaults import default_table
from gateway_proxy.front import current_gateway
from opencore.tokens import mint_access
from tests.gateway_proxy.redis_server import RedisServer
from tests.gateway_proxy.service import Service, serving
from tests.ports import free_port


@pytest.fixture(scope="session")
def _kept_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    yield server
    server.kill()


@pytest.fixture
def redis_server(_kept_redis: RedisServer) -> RedisServer:
    """An empty Redis that works."""
    with _kept_redis.client() as client:
        client.flushall()
    return _kept_redis


@pytest.fixture
def mortal_redis(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis that the test may kill and hang."""
    server = RedisServer(tmp_path)
    yield server
    server.kill()


@pytest.fixture
def durable_redis(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis that the test may kill, and that knows afterwards what it knew."""
    server = RedisServer(tmp_path, durable=True)
    yield server
    server.kill()


@pytest.fixture
def service() -> Iterator[Service]:
    """A service that the gateway forwards `/billing` to."""
    with serving(free_port()) as service:
        yield service


@pytest.fixture
def table_of_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a test's own settings say the table, which no thread then looks after."""
    monkeypatch.setattr(watching, "current_table", default_table)


@pytest.fixture
def gateway(
    settings: Settings,
    redis_server: RedisServer,
    service: Service,
    table_of_settings: None,
) -> Iterator[Settings]:
    """The settings of a gateway in front of the service."""
    settings.REDIS_URL = redis_server.url
    settings.GATEWAY_UPSTREAMS = {"billing": service.url}
    yield settings
    run(current_gateway().close())


@pytest.fixture
def ada() -> UUID:
    """A member's id, new in each test, so that nobody has spent her tokens."""
    return uuid4()


@pytest.fixture
def bearer(ada: UUID) -> dict[str, str]:
    """The headers of a request by ada."""
    return bearer_of(ada)


def bearer_of(user_id: UUID) -> dict[str, str]:
    """Return the headers of a request by anybody."""
    token = mint_access(
        user_id=user_id, session_id=uuid4(), role="user", now=timezone.now()
    )
    return {"Authorization": f"Bearer {token}"}
