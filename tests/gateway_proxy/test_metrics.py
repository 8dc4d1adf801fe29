"""What `/metrics` says of the gateway, and that one process tells of all."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from http.client import HTTPResponse
from pathlib import Path
from threading import Event

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from gateway_proxy.core.allowance import Policy, Verdict
from gateway_proxy.core.decisions import Decision
from gateway_proxy.core.messages import AccessRecord
from gateway_proxy.core.sight import Sight
from gateway_proxy.metrics import BOUNDS, LATENCY, METRICS, Counts
from tests.ports import free_port
from tests.scraping import Scrape, parsed, scrape

ROOT = Path(__file__).parent.parent.parent
USER = Policy("user", 25.0, 50)
ORG = Policy("org", 25.0, 50)


class Gateway:
    """A gateway's counts, and the page that shows them."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.sight: Sight = Counts(self._registry)

    def answered(
        self, record: AccessRecord, *, status: int = 200, seconds: float = 0.02
    ) -> None:
        self.sight.began()
        self.sight.finished(record, status=status, seconds=seconds, size=2)

    def page(self) -> Scrape:
        return parsed(generate_latest(self._registry).decode())


@pytest.fixture
def gateway() -> Gateway:
    """A gateway that has seen nothing yet."""
    return Gateway()


def request(
    method: str = "GET",
    *,
    route: str | None = "/billing",
    upstream: str | None = "local",
    decision: Decision | None = None,
    code: str | None = None,
) -> AccessRecord:
    return AccessRecord(
        method=method, route=route, upstream=upstream, decision=decision, code=code
    )


def labels(**names: str) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(names.items()))


def test_requests_are_told_apart_by_route_method_outcome_and_upstream(
    gateway: Gateway,
) -> None:
    gateway.answered(request())
    gateway.answered(request())
    gateway.answered(request("POST", upstream="http://billing:80"), status=503)

    assert gateway.page()["gateway_requests_total"] == {
        labels(
            route="/billing", method="GET", status_class="2xx", upstream="local"
        ): 2.0,
        labels(
            route="/billing",
            method="POST",
            status_class="5xx",
            upstream="http://billing:80",
        ): 1.0,
    }


@pytest.mark.parametrize("method", ["BREW", "get", ""])
def test_what_only_a_client_names_is_no_label(gateway: Gateway, method: str) -> None:
    gateway.answered(request(method, route=None, upstream=None), status=405)
    gateway.answered(request(method, route=None, upstream=None), status=999)

    none = {"route": "none", "method": "none", "upstream": "none"}
    assert gateway.page()["gateway_requests_total"] == {
        labels(status_class="4xx", **none): 1.0,
        labels(status_class="none", **none): 1.0,
    }


def test_a_request_is_in_flight_until_it_is_answered(gateway: Gateway) -> None:
    gateway.sight.began()
    gateway.answered(request())

    assert gateway.page()["gateway_in_flight"] == {(): 1.0}


def test_times_fall_into_buckets_by_route(gateway: Gateway) -> None:
    gateway.answered(request(), seconds=0.001)
    gateway.answered(request(), seconds=0.3)
    gateway.answered(request(route=None), seconds=99.0)

    buckets = gateway.page()[f"{LATENCY}_bucket"]

    assert len(buckets) == 2 * (len(BOUNDS) + 1)
    assert [
        buckets[labels(route="/billing", le=bound)]
        for bound in ("0.001", "0.25", "0.5", "+Inf")
    ] == [1.0, 1.0, 2.0, 2.0]
    assert buckets[labels(route="none", le="30.0")] == 0.0
    assert gateway.page()[f"{LATENCY}_sum"][labels(route="/billing")] == 0.301


def test_refusals_are_counted_by_the_limit_that_refused(gateway: Gateway) -> None:
    decision = Decision(
        (
            Verdict(USER, allowed=False, tokens=0.0),
            Verdict(ORG, allowed=True, tokens=9.0),
        )
    )

    gateway.answered(request(decision=decision, code="rate_limited"), status=429)

    page = gateway.page()
    assert page["gateway_rate_limited_total"] == {labels(policy="user"): 1.0}
    assert "gateway_shadow_refusals_total" not in page


def test_a_limit_on_trial_is_counted_apart(gateway: Gateway) -> None:
    decision = Decision((Verdict(ORG, allowed=False, tokens=0.0, shadow=True),))

    gateway.answered(request(decision=decision))

    page = gateway.page()
    assert page["gateway_shadow_refusals_total"] == {labels(policy="org"): 1.0}
    assert "gateway_rate_limited_total" not in page


def test_a_route_that_closes_without_shared_limits_is_counted(
    gateway: Gateway,
) -> None:
    gateway.answered(request(decision=Decision((), closed=True)), status=429)

    assert gateway.page()["gateway_rate_limited_total"] == {
        labels(policy="closed"): 1.0
    }


def test_a_refused_token_is_counted_by_its_fault(gateway: Gateway) -> None:
    gateway.answered(request(code="token_expired"), status=401)

    assert gateway.page()["gateway_tokens_refused_total"] == {
        labels(code="token_expired"): 1.0
    }


@pytest.mark.parametrize(
    ("code", "status"),
    [
        pytest.param(None, 401, id="an upstream's own refusal"),
        pytest.param("not_found", 404, id="another refusal"),
    ],
)
def test_nothing_else_is_a_refused_token(
    gateway: Gateway, code: str | None, status: int
) -> None:
    gateway.answered(request(code=code), status=status)

    assert "gateway_tokens_refused_total" not in gateway.page()


def test_a_quiet_gateway_says_so(gateway: Gateway) -> None:
    page = gateway.page()

    assert page["gateway_in_flight"] == {(): 0.0}
    assert page["gateway_limiter_mode"] == {(): 0.0}
    assert page["gateway_table_stale_seconds"] == {(): 0.0}
    assert "gateway_requests_total" not in page


@pytest.mark.parametrize(
    ("turn", "name", "found"),
    [
        pytest.param(
            lambda sight, on: sight.limiter_moved(local=on),
            "gateway_limiter_mode",
            (),
            id="limits of its own",
        ),
        pytest.param(
            lambda sight, on: sight.breaker_moved("a:80", is_open=on),
            "gateway_breaker_open",
            labels(upstream="a:80"),
            id="an upstream left alone",
        ),
        pytest.param(
            lambda sight, on: sight.host_moved("a:80", ejected=on),
            "gateway_host_ejected",
            labels(upstream="a:80"),
            id="a host left out",
        ),
    ],
)
def test_a_state_is_told_until_it_ends(
    gateway: Gateway,
    turn: Callable[[Sight, bool], None],
    name: str,
    found: tuple[tuple[str, str], ...],
) -> None:
    turn(gateway.sight, True)  # noqa: FBT003 -- the parametrized call names it
    during = gateway.page()[name]
    turn(gateway.sight, False)  # noqa: FBT003 -- the parametrized call names it

    assert during == {found: 1.0}
    assert gateway.page()[name] == {found: 0.0}


def test_what_befalls_upstreams_is_counted_by_host(gateway: Gateway) -> None:
    gateway.sight.upstream_failed("a:80", "upstream_timeout")
    gateway.sight.upstream_retried("a:80")

    page = gateway.page()
    assert page["gateway_upstream_failures_total"] == {
        labels(upstream="a:80", code="upstream_timeout"): 1.0
    }
    assert page["gateway_upstream_retries_total"] == {labels(upstream="a:80"): 1.0}


def test_the_state_of_the_other_parts_is_told(gateway: Gateway) -> None:
    gateway.sight.table_seen(7, stale_seconds=12.5)
    gateway.sight.bridge_loaded(queued=3, busy=16)
    gateway.sight.limiter_asked(0.0004)

    page = gateway.page()
    assert page["gateway_table_version"] == {(): 7.0}
    assert page["gateway_table_stale_seconds"] == {(): 12.5}
    assert page["gateway_bridge_queue"] == {(): 3.0}
    assert page["gateway_bridge_busy"] == {(): 16.0}
    assert page["gateway_limiter_seconds_bucket"][labels(le="0.0005")] == 1.0


def test_exactly_the_metrics_of_the_list_are_exposed(gateway: Gateway) -> None:
    refused = Decision(
        (
            Verdict(USER, allowed=False, tokens=0.0),
            Verdict(ORG, allowed=False, tokens=0.0, shadow=True),
        )
    )
    gateway.answered(request(decision=refused, code="token_expired"), status=401)
    gateway.sight.upstream_failed("a:80", "upstream_timeout")
    gateway.sight.upstream_retried("a:80")
    gateway.sight.breaker_moved("a:80", is_open=True)
    gateway.sight.host_moved("a:80", ejected=True)

    found = {re.sub(r"_(bucket|count|sum)$", "", name) for name in gateway.page()}

    assert found == {metric.name for metric in METRICS}


def test_a_name_is_given_once() -> None:
    names = [metric.name for metric in METRICS]

    assert sorted(set(names)) == sorted(names)


@pytest.mark.django_db(transaction=True)
def test_the_page_tells_of_the_gateway_beside_the_outbox() -> None:
    found = scrape()

    assert found["outbox_up"] == {(): 1.0}
    assert set(found["gateway_limiter_mode"]) == {()}


class TwoWorkers:
    """A server whose two workers count, asked one by one."""

    def __init__(self, port: int) -> None:
        self._port = port

    def ask_each(self, path: str) -> dict[int, Scrape]:
        """Return what each worker says after a request of its own."""
        # A worker that waits for the rest of one request can't take the other.
        with self._connection() as first, self._connection() as second:
            first.sendall(f"GET {path} HTTP/1.1\r\n".encode())
            pages = dict([self._answer(second, f"GET {path} HTTP/1.1\r\n")])
            pages |= dict([self._answer(first, "")])
        return pages

    def ask(self, path: str) -> Scrape:
        """Return what whichever worker says."""
        with self._connection() as connection:
            return self._answer(connection, f"GET {path} HTTP/1.1\r\n")[1]

    def _connection(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self._port), timeout=30)

    def _answer(self, connection: socket.socket, begin: str) -> tuple[int, Scrape]:
        connection.sendall(f"{begin}Host: localhost\r\n\r\n".encode())
        response = HTTPResponse(connection)
        response.begin()
        page = parsed(response.read().decode())
        return int(response.headers["X-Process"]), page


@pytest.fixture
def workers(tmp_path: Path) -> Iterator[TwoWorkers]:
    """Two workers under the product's own configuration of the server."""
    port = free_port()
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "gunicorn", "tests.gateway_proxy.counting"),
            *("--config", "python:opencore.gunicorn", "--worker-class", "sync"),
            *("--threads", "1"),
            *("--bind", f"127.0.0.1:{port}", "--workers", "2"),
        ],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path), "DRAIN_SECONDS": "0"},
    )
    try:
        wait_until(lambda: listens(port))
        yield TwoWorkers(port)
    finally:
        process.terminate()
        process.wait(30)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_until(is_so: Callable[[], bool]) -> None:
    """Ask again and again, for half a minute."""
    deadline = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < deadline
        Event().wait(0.05)


def test_each_worker_tells_what_all_did(workers: TwoWorkers) -> None:
    workers.ask_each("/answered")

    pages = workers.ask_each("/metrics")

    assert len(pages) == 2
    (first, second) = (
        {name: found for name, found in page.items() if name.startswith("gateway")}
        for page in pages.values()
    )
    assert first == second
    assert set(first["gateway_requests_total"].values()) == {2.0}
    assert first[f"{LATENCY}_count"] == {labels(route="/billing"): 2.0}


def test_a_killed_worker_leaves_its_counts_and_nothing_in_flight(
    workers: TwoWorkers,
) -> None:
    workers.ask_each("/answered")
    victim, _ = workers.ask_each("/unanswered")
    before = workers.ask("/metrics")

    os.kill(victim, signal.SIGKILL)
    wait_until(lambda: workers.ask("/metrics")["gateway_in_flight"] == {(): 1.0})

    after = workers.ask("/metrics")
    assert before["gateway_in_flight"] == {(): 2.0}
    assert after["gateway_limiter_mode"] == {(): 1.0}
    assert after["gateway_requests_total"] == before["gateway_requests_total"]


def test_a_server_that_stopped_leaves_no_counts_behind(
    workers: TwoWorkers, tmp_path: Path
) -> None:
    workers.ask("/answered")
    (folder,) = tmp_path.glob("opencore-metrics-*")
    (writer, *_) = folder.glob("counter_*.db")
    arbiter = parent_of(int(writer.stem.split("_")[1]))

    os.kill(arbiter, signal.SIGTERM)

    wait_until(lambda: not folder.exists())


def parent_of(pid: int) -> int:
    """Return the process that started another."""
    stat = Path(f"/proc/{pid}/stat").read_text("utf-8")
    return int(stat.rpartition(")")[2].split()[1])
