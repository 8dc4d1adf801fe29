"""One line of the log for each request, and what never stands in it."""

import json
import logging
from collections.abc import Callable, Iterator
from io import StringIO
from uuid import uuid4

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from gateway_proxy.accesslog import AccessLog
from gateway_proxy.core.allowance import Policy, Verdict
from gateway_proxy.core.decisions import Decision
from gateway_proxy.core.messages import AccessRecord
from gateway_proxy.sight import ProcessSight
from opencore.telemetry import ACCESS_LOG, formatter

USER = Verdict(Policy("user", 25.0, 50), allowed=False, tokens=0.0)
ORG = Verdict(Policy("org", 25.0, 50), allowed=False, tokens=0.0)
ON_TRIAL = Verdict(Policy("route", 1.0, 1), allowed=False, tokens=0.0, shadow=True)
Lines = Callable[[], list[str]]


def request(request_id: str = "0192f3a4-request") -> AccessRecord:
    return AccessRecord(
        method="GET",
        request_id=request_id,
        trace_id="4bf92f3577b34da6a3ce929d0e0e4736",
        route="/billing",
        user_id="0192f3a4-ada",
        upstream="local",
    )


@pytest.fixture(params=["json"])
def lines(request: pytest.FixtureRequest) -> Iterator[Lines]:
    """What was logged, in this form."""
    stream = StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter(request.param))
    log = logging.getLogger("opencore")
    log.addHandler(handler)
    yield lambda: stream.getvalue().splitlines()
    log.removeHandler(handler)


def test_a_request_is_one_line_with_all_that_may_be_known(lines: Lines) -> None:
    AccessLog(sample=1.0).write(request(), status=200, seconds=0.01234, size=512)

    (line,) = lines()
    found = json.loads(line)
    assert found.pop("timestamp").endswith("Z")
    assert found == {
        "message": "request answered",
        "level": "info",
        "logger": "opencore.access",
        "method": "GET",
        "route": "/billing",
        "status": 200,
        "ms": 12.3,
        "bytes": 512,
        "user_id": "0192f3a4-ada",
        "upstream": "local",
        "request_id": "0192f3a4-request",
        "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
    }


def test_a_line_has_the_form_of_all_other_lines(lines: Lines) -> None:
    AccessLog(sample=1.0).write(request(), status=200, seconds=0.01, size=1)
    logging.getLogger("opencore.other").info("something else", extra={"status": 200})

    ours, other = (json.loads(line) for line in lines())
    assert set(other) - set(ours) == set()
    assert len(ours["timestamp"]) == len(other["timestamp"])


@pytest.mark.parametrize("lines", ["readable"], indirect=True)
def test_a_person_reads_it_as_all_other_lines(lines: Lines) -> None:
    AccessLog(sample=1.0).write(request(), status=200, seconds=0.01, size=1)

    (line,) = lines()
    assert "request answered" in line
    assert "route=/billing" in line


def test_a_refusal_says_which_limits_refused(lines: Lines) -> None:
    refused = request()
    refused.decision = Decision((USER, ORG, ON_TRIAL))
    refused.code = "rate_limited"

    AccessLog(sample=1.0).write(refused, status=429, seconds=0.001, size=90)

    (line,) = lines()
    found = json.loads(line)
    assert (found["limited"], found["refusal"]) == ("user,org", "rate_limited")


def test_a_limit_on_trial_refuses_nobody(lines: Lines) -> None:
    passed = request()
    passed.decision = Decision((ON_TRIAL,))

    AccessLog(sample=1.0).write(passed, status=200, seconds=0.001, size=90)

    (line,) = lines()
    assert "limited" not in json.loads(line)


def test_a_line_stays_one_line_whatever_a_field_holds(lines: Lines) -> None:
    odd = request('x"\r\n{"level": "error"}')

    AccessLog(sample=1.0).write(odd, status=200, seconds=0.001, size=90)

    (line,) = lines()
    assert json.loads(line)["request_id"] == 'x"\r\n{"level": "error"}'


@pytest.mark.parametrize("status", [200, 204, 304])
def test_of_what_went_well_nothing_needs_to_be_written(
    lines: Lines, status: int
) -> None:
    AccessLog(sample=0.0).write(request(), status=status, seconds=0.01, size=1)

    assert lines() == []


@pytest.mark.parametrize("status", [400, 401, 404, 429, 499, 500, 502, 503, 504])
def test_what_went_wrong_is_always_written(lines: Lines, status: int) -> None:
    AccessLog(sample=0.0).write(request(), status=status, seconds=0.01, size=1)

    assert [json.loads(line)["status"] for line in lines()] == [status]


def test_a_share_of_what_went_well_is_written(lines: Lines) -> None:
    log = AccessLog(sample=0.1)

    for _ in range(5000):
        log.write(request(str(uuid4())), status=200, seconds=0.01, size=1)

    assert 350 < len(lines()) < 650


def test_all_gateways_on_the_way_of_a_request_decide_alike(lines: Lines) -> None:
    ids = [str(uuid4()) for _ in range(200)]

    for log in (AccessLog(sample=0.5), AccessLog(sample=0.5)):
        for request_id in ids:
            log.write(request(request_id), status=200, seconds=0.01, size=1)

    written = [json.loads(line)["request_id"] for line in lines()]
    half = len(written) // 2
    assert written[:half] == written[half:]
    assert 0 < half < 200


def test_a_log_that_is_turned_down_is_not_written(
    lines: Lines, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, ACCESS_LOG)

    AccessLog(sample=1.0).write(request(), status=500, seconds=0.01, size=1)

    assert lines() == []


def test_whoever_sees_a_gateway_counts_a_request_and_writes_it_down(
    lines: Lines,
) -> None:
    registry = CollectorRegistry()
    sight = ProcessSight(AccessLog(sample=1.0), registry)

    sight.began()
    sight.finished(request(), status=200, seconds=0.01, size=1)

    assert len(lines()) == 1
    assert b"gateway_in_flight 0.0" in generate_latest(registry)
    assert b'gateway_request_seconds_count{route="/billing"} 1.0' in generate_latest(
        registry
    )
