"""Which host gets a request, when it is sent once more, and who is left alone."""

import asyncio
import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import pytest

from gateway_proxy.core.errors import (
    CircuitOpen,
    MalformedRequest,
    UpstreamFailed,
    UpstreamProblem,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from gateway_proxy.core.messages import Answer, Outgoing
from gateway_proxy.core.retrybudget import RetryBudget
from gateway_proxy.core.table import Timeouts
from gateway_proxy.core.upstreams import Upstream
from opencore.errors import DomainError

GET = Outgoing(
    method="GET",
    path="/v1/billing/payments",
    query="",
    headers=(("accept", "*/*"),),
    body=b"",
    scheme="http",
    host="api.example.com",
    peer="127.0.0.1",
    timeouts=Timeouts(head=10.0),
)
POST = replace(GET, method="POST", body=b"{}")
KEYED = replace(POST, headers=(("idempotency-key", "one"),))


@dataclass
class Clock:
    """A clock that stands until it is moved."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Host:
    """One host; it fails as it is told to, or with what stands in the script first."""

    name: str
    clock: Clock
    problem: type[DomainError] | None = None
    script: list[type[DomainError] | None] = field(default_factory=list)
    status: int = 200
    takes: float = 0.0
    asked: int = 0
    closed: bool = False
    meanwhile: Callable[[], object] = lambda: None

    def origin(self, request: Outgoing) -> str:
        return self.name

    async def send(self, request: Outgoing) -> Answer:
        self.asked += 1
        self.clock.now += self.takes
        self.meanwhile()
        problem = self.script.pop(0) if self.script else self.problem
        if problem is not None:
            raise problem
        return Answer(self.status, "", (), self.name.encode())

    async def close(self) -> None:
        self.closed = True


class Upload:
    """A body that is read once."""

    length: int | None = 2

    async def whole(self) -> bytes:
        return b"{}"

    def __iter__(self) -> Iterator[bytes]:
        yield b"{}"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def hosts(clock: Clock) -> list[Host]:
    return [Host(name, clock) for name in ("north", "south", "east", "west")]


@dataclass
class Asked:
    """An upstream of some of the hosts; calling it tells who answered, or the problem."""

    upstream: Upstream

    def __call__(self, request: Outgoing = GET) -> str:
        try:
            self.upstream.send(request).send(None)
        except StopIteration as done:
            return str(done.value.host.name)
        except DomainError as refusal:
            return refusal.code
        raise AssertionError("it was suspended")


Of = Callable[..., Asked]


@pytest.fixture
def of(clock: Clock) -> Of:
    return lambda *hosts: Asked(Upstream(hosts, clock=clock))


def test_an_answer_comes_with_the_host_that_gave_it(hosts: list[Host], of: Of) -> None:
    ask = of(hosts[0])

    answered = asyncio.run(ask.upstream.send(GET))

    assert answered.answer == Answer(200, "", (), b"north")
    assert answered.host is hosts[0]


def test_hosts_take_turns(hosts: list[Host], of: Of) -> None:
    ask = of(*hosts[:3])

    assert [ask() for _ in range(6)] == ["north", "south", "east"] * 2


def test_hosts_take_turns_among_threads(hosts: list[Host], of: Of) -> None:
    ask = of(*hosts)

    with ThreadPoolExecutor(8) as pool:
        answered = list(pool.map(lambda _: ask(), range(400)))

    assert sorted(answered) == sorted(["north", "south", "east", "west"] * 100)


@pytest.mark.parametrize(
    ("request_", "problem"),
    [
        pytest.param(GET, UpstreamUnavailable, id="get, nothing sent"),
        pytest.param(POST, UpstreamUnavailable, id="post, nothing sent"),
        pytest.param(
            replace(POST, body=Upload()), UpstreamUnavailable, id="upload, nothing sent"
        ),
        pytest.param(GET, UpstreamFailed, id="get, cut"),
        pytest.param(replace(GET, method="HEAD"), UpstreamFailed, id="head, cut"),
        pytest.param(replace(GET, method="OPTIONS"), UpstreamFailed, id="options, cut"),
        pytest.param(KEYED, UpstreamFailed, id="post with a key, cut"),
        pytest.param(
            replace(POST, headers=(("Idempotency-Key", "one"),)),
            UpstreamFailed,
            id="key in capitals, cut",
        ),
    ],
)
def test_asks_another_host_where_that_is_safe(
    hosts: list[Host], of: Of, request_: Outgoing, problem: type[UpstreamProblem]
) -> None:
    hosts[0].problem = problem
    ask = of(*hosts[:2])

    assert ask(request_) == "south"

    assert (hosts[0].asked, hosts[1].asked) == (1, 1)


@pytest.mark.parametrize(
    ("request_", "problem"),
    [
        pytest.param(POST, UpstreamFailed, id="post, cut"),
        pytest.param(replace(POST, method="PUT"), UpstreamFailed, id="put, cut"),
        pytest.param(replace(POST, method="DELETE"), UpstreamFailed, id="delete, cut"),
        pytest.param(
            replace(KEYED, body=Upload()), UpstreamFailed, id="upload with a key, cut"
        ),
        pytest.param(GET, UpstreamTimeout, id="get, late"),
        pytest.param(KEYED, UpstreamTimeout, id="post with a key, late"),
    ],
)
def test_asks_nobody_twice_where_that_could_do_harm(
    hosts: list[Host], of: Of, request_: Outgoing, problem: type[UpstreamProblem]
) -> None:
    hosts[0].problem = problem
    ask = of(*hosts[:2])

    assert ask(request_) == problem.code

    assert (hosts[0].asked, hosts[1].asked) == (1, 0)


def test_asks_a_single_host_once_more(hosts: list[Host], of: Of) -> None:
    hosts[0].script = [UpstreamUnavailable]

    assert of(hosts[0])() == "north"

    assert hosts[0].asked == 2


def test_asks_another_host_even_if_it_is_the_failed_ones_turn_again(
    hosts: list[Host], of: Of
) -> None:
    hosts[0].problem = UpstreamFailed
    ask = of(*hosts[:2])
    hosts[0].meanwhile = ask

    assert ask() == "south"

    assert (hosts[0].asked, hosts[1].asked) == (1, 2)


def test_asks_no_third_time(hosts: list[Host], of: Of) -> None:
    hosts[0].problem = hosts[1].problem = hosts[2].problem = UpstreamUnavailable

    assert of(*hosts)() == "upstream_unavailable"

    assert [host.asked for host in hosts] == [1, 1, 0, 0]


@pytest.mark.parametrize(
    ("first", "second", "told"),
    [
        (UpstreamUnavailable, UpstreamUnavailable, "upstream_unavailable"),
        (UpstreamUnavailable, UpstreamFailed, "upstream_failed"),
        (UpstreamUnavailable, UpstreamTimeout, "upstream_timeout"),
        (UpstreamFailed, UpstreamTimeout, "upstream_timeout"),
        (UpstreamFailed, UpstreamUnavailable, "upstream_failed"),
    ],
)
def test_after_two_failures_the_last_is_told_and_never_that_nothing_was_sent_if_it_was(
    hosts: list[Host],
    of: Of,
    first: type[UpstreamProblem],
    second: type[UpstreamProblem],
    told: str,
) -> None:
    hosts[0].script = [first, second]

    assert of(hosts[0])(KEYED) == told

    assert hosts[0].asked == 2


def test_asks_nobody_twice_when_the_first_took_as_long_as_an_answer_may(
    hosts: list[Host], of: Of
) -> None:
    hosts[0].takes = GET.timeouts.head
    hosts[0].problem = UpstreamFailed

    assert of(*hosts[:2])() == "upstream_failed"

    assert hosts[1].asked == 0


def test_a_refusal_that_is_no_upstreams_fault_passes_and_counts_for_nothing(
    hosts: list[Host], of: Of
) -> None:
    hosts[0].problem = MalformedRequest
    ask = of(hosts[0])

    answered = [ask() for _ in range(25)]

    assert set(answered) == {"malformed_request"}
    assert hosts[0].asked == 25


def test_of_many_requests_a_fifth_may_be_repeated(clock: Clock) -> None:
    budget = RetryBudget(clock=clock)
    for _ in range(100):
        budget.note_request()
        clock.now += 0.09

    assert [budget.spend() for _ in range(21)] == [True] * 20 + [False]


def test_a_quiet_system_may_repeat_three_requests(hosts: list[Host], of: Of) -> None:
    hosts[0].problem = UpstreamFailed
    ask = of(hosts[0])

    [ask() for _ in range(8)]

    assert hosts[0].asked == 8 + 3


def test_what_was_repeated_is_forgotten_after_a_while(
    hosts: list[Host], of: Of, clock: Clock
) -> None:
    hosts[0].problem = UpstreamFailed
    ask = of(hosts[0])
    [ask() for _ in range(4)]
    hosts[0].asked = 0

    clock.now += 10
    ask()

    assert hosts[0].asked == 2


def test_a_single_host_that_fails_is_left_alone_until_it_is_well(
    hosts: list[Host], of: Of, clock: Clock
) -> None:
    north = hosts[0]
    north.problem = UpstreamTimeout
    ask = of(north)
    [ask() for _ in range(20)]
    clock.now += 1.5

    with pytest.raises(CircuitOpen) as caught:
        asyncio.run(ask.upstream.send(GET))

    assert caught.value.headers == {"Retry-After": "4"}
    assert north.asked == 20
    north.problem = None
    clock.now += 3.5
    assert [ask(), ask()] == ["north", "north"]


def test_fewer_than_twenty_failures_cut_nobody_off(hosts: list[Host], of: Of) -> None:
    hosts[0].problem = UpstreamTimeout
    ask = of(hosts[0])

    [ask() for _ in range(19)]
    hosts[0].problem = None

    assert ask() == "north"


def test_a_probe_that_fails_is_not_repeated(
    hosts: list[Host], of: Of, clock: Clock
) -> None:
    hosts[0].problem = UpstreamTimeout
    ask = of(hosts[0])
    [ask() for _ in range(20)]
    hosts[0].problem = UpstreamUnavailable
    clock.now += 5

    assert [ask(), ask()] == ["upstream_unavailable", "circuit_open"]

    assert hosts[0].asked == 21


def test_an_error_that_a_host_states_itself_is_an_answer(
    hosts: list[Host], of: Of
) -> None:
    hosts[0].status = 503
    ask = of(hosts[0])

    assert {ask() for _ in range(25)} == {"north"}


def test_one_bad_host_is_out_after_five_failures_in_a_row(
    hosts: list[Host], of: Of, clock: Clock
) -> None:
    hosts[0].problem = UpstreamTimeout
    ask = of(*hosts[:2])
    [ask() for _ in range(10)]

    clock.now += 29.75
    answered = [ask() for _ in range(10)]

    assert answered == ["south"] * 10
    assert hosts[0].asked == 5


def test_a_success_between_failures_keeps_a_host_in(hosts: list[Host], of: Of) -> None:
    hosts[0].script = [*[UpstreamTimeout] * 4, None, *[UpstreamTimeout] * 4]
    ask = of(*hosts[:2])

    [ask() for _ in range(20)]

    assert hosts[0].asked == 10


def test_a_host_that_is_back_and_still_bad_is_out_for_longer(
    hosts: list[Host], of: Of, clock: Clock
) -> None:
    hosts[0].problem = UpstreamTimeout
    ask = of(*hosts[:2])
    [ask() for _ in range(10)]
    clock.now += 30
    [ask() for _ in range(2)]
    assert hosts[0].asked == 6

    clock.now += 59
    [ask() for _ in range(2)]
    assert hosts[0].asked == 6

    clock.now += 1
    [ask() for _ in range(2)]
    assert hosts[0].asked == 7


def test_a_host_that_was_well_for_long_is_out_as_briefly_as_at_first(
    hosts: list[Host], of: Of, clock: Clock
) -> None:
    north = hosts[0]
    north.problem = UpstreamTimeout
    ask = of(*hosts[:2])
    [ask() for _ in range(10)]
    clock.now += 61
    north.problem = None
    [ask() for _ in range(2)]
    north.problem = UpstreamTimeout
    [ask() for _ in range(10)]
    north.asked = 0

    clock.now += 30
    [ask() for _ in range(2)]

    assert north.asked == 1


@pytest.mark.parametrize(("count", "left"), [(1, 1), (2, 1), (3, 2), (4, 2)])
def test_at_most_half_of_the_hosts_are_out(
    hosts: list[Host], of: Of, count: int, left: int
) -> None:
    chosen = hosts[:count]
    for host in chosen:
        host.problem = UpstreamTimeout
    ask = of(*chosen)

    [ask() for _ in range(count * 9)]
    before = [host.asked for host in chosen]
    [ask() for _ in range(count * 2)]

    asked_again = [
        host for host, asked in zip(chosen, before, strict=True) if host.asked > asked
    ]
    assert len(asked_again) == left


def test_with_no_host_left_it_says_when_the_first_is_back(
    hosts: list[Host], of: Of
) -> None:
    for host in hosts[:2]:
        host.problem = UpstreamTimeout
    ask = of(*hosts[:2])
    [ask() for _ in range(5 + 20)]

    with pytest.raises(CircuitOpen) as caught:
        asyncio.run(ask.upstream.send(GET))

    assert caught.value.headers == {"Retry-After": "5"}


def test_the_log_names_the_host_that_is_ejected_cut_off_or_back(
    hosts: list[Host], of: Of, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="gateway_proxy.core.upstreams")
    for host in hosts[:2]:
        host.problem = UpstreamTimeout
    ask = of(*hosts[:2])
    [ask() for _ in range(5 + 20)]

    hosts[1].problem = None
    clock.now += 5
    ask()

    told = [(line.message, line.upstream) for line in caplog.records]  # type: ignore[attr-defined]  # -- a field of `extra`
    assert told == [
        ("upstream was ejected", "north"),
        ("upstream was cut off", "south"),
        ("upstream came back", "south"),
    ]


def test_closing_it_closes_every_host(hosts: list[Host], of: Of) -> None:
    upstream = of(*hosts).upstream

    asyncio.run(upstream.close())

    assert all(host.closed for host in hosts)
