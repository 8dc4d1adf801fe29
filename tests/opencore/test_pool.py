"""A pool that an outage filled with waiters serves again when the server is back."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from time import monotonic
from typing import Any

import pytest
from django.db import connection
from psycopg_pool import TooManyRequests

from opencore.postgresql.errors import DatabaseUnreachable
from opencore.postgresql.pool import WatchedPool
from tests.opencore.tcp_line import TcpLine
from tests.ports import free_port

pytestmark = pytest.mark.django_db(transaction=True)

MOST_WAITING = 2
Pools = Callable[..., WatchedPool]


@pytest.fixture
def new_pool() -> Iterator[Pools]:
    """Return a maker of small pools that soon lose patience."""
    made: list[WatchedPool] = []

    def new_pool(**place: Any) -> WatchedPool:
        pool = WatchedPool(
            kwargs={**connection.get_connection_params(), "autocommit": True, **place},
            configure=lambda _connection: None,
            open=False,
            min_size=0,
            max_size=1,
            max_waiting=MOST_WAITING,
            timeout=0.2,
        )
        pool.open()
        made.append(pool)
        return pool

    yield new_pool
    for pool in made:
        pool.close()


def test_in_an_outage_each_is_told_that_the_server_is_away(new_pool: Pools) -> None:
    pool = new_pool(host="127.0.0.1", port=free_port())

    for _ in range(2 * MOST_WAITING):
        with pytest.raises(DatabaseUnreachable):
            pool.getconn()


def test_after_an_outage_the_first_who_comes_is_served(
    new_pool: Pools, line: TcpLine
) -> None:
    pool = new_pool(host="127.0.0.1", port=line.port)
    line.go_silent()
    for _ in range(2 * MOST_WAITING):
        with pytest.raises(DatabaseUnreachable):
            pool.getconn()

    line.speak()

    served = pool.getconn(timeout=20)
    assert served.execute("select 1").fetchone() == (1,)
    pool.putconn(served)


def test_more_than_may_wait_are_refused_while_all_are_in_use(new_pool: Pools) -> None:
    pool = new_pool()
    used = pool.getconn(timeout=20)
    with ThreadPoolExecutor(MOST_WAITING) as threads:
        waiting = [threads.submit(pool.getconn, 20) for _ in range(MOST_WAITING)]
        _until(lambda: pool.get_stats().get("requests_waiting") == MOST_WAITING)

        with pytest.raises(TooManyRequests):
            pool.getconn()

        pool.putconn(used)
        pool.putconn(waiting[0].result(20))
        pool.putconn(waiting[1].result(20))


def _until(true: Callable[[], bool]) -> None:
    give_up = monotonic() + 20
    while not true():
        assert monotonic() < give_up
        Event().wait(0.01)
