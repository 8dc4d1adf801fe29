"""Picks the host that gets a request, asks once more if that is safe, and gives up."""

import logging
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

from gateway_proxy.core.breaker import Breaker, Clock, FailureRatio
from gateway_proxy.core.ejection import Ejections
from gateway_proxy.core.errors import (
    CircuitOpen,
    UpstreamProblem,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from gateway_proxy.core.messages import SAFE_METHODS, Answer, Outgoing
from gateway_proxy.core.ports import Exchange
from gateway_proxy.core.retrybudget import RetryBudget
from gateway_proxy.core.sight import NoSight, Sight

log = logging.getLogger(__name__)

OPEN_FOR = 5.0


# Not frozen: made with every request, and each field of a frozen one costs a call.
@dataclass(slots=True)
class Answered:
    """An answer, and the host that gave it."""

    answer: Answer
    host: Exchange


@dataclass(frozen=True, slots=True)
class _Host:
    number: int
    exchange: Exchange
    breaker: Breaker


class Upstream:
    """The hosts behind a route, taking turns; each has a breaker of its own.

    What goes wrong on the way counts against a host. An answer is an answer, whatever
    its status: it came quickly and says more than the gateway could. A request is sent
    once more if nothing was sent, or if it may be repeated: its method is safe or it
    has an idempotency key, and its body is still there. One that was late is not: the
    client has waited long enough.
    """

    def __init__(
        self,
        exchanges: Sequence[Exchange],
        *,
        sight: Sight | None = None,
        clock: Clock = time.monotonic,
    ) -> None:
        self._sight = sight or NoSight()
        self.name = ", ".join(exchange.name for exchange in exchanges)
        self._clock = clock
        self._hosts = tuple(
            _Host(number, exchange, _breaker(clock))
            for number, exchange in enumerate(exchanges)
        )
        self._ejections = Ejections(len(exchanges), clock=clock)
        self._budget = RetryBudget(clock=clock)
        self._turns = count()
        # What was told of hosts and is not over: their numbers.
        self._cut_off: set[int] = set()
        self._ejected: set[int] = set()

    async def send(self, request: Outgoing) -> Answered:
        """Return the answer of one of the hosts, or say what went wrong."""
        self._budget.note_request()
        began = self._clock()
        admitted = self._admit()
        if admitted is None:
            raise CircuitOpen(headers={"Retry-After": str(self._rest())})
        host, ticket = admitted
        try:
            return await self._ask(host, ticket, request)
        except UpstreamProblem as problem:
            again = self._admit_again(host, request, problem, began=began)
            if again is None:
                raise
            first = problem
        self._sight.upstream_retried(again[0].exchange.name)
        return await self._ask_again(*again, request, first)

    def forget(self) -> None:
        """Tell that nothing is left alone here any more; nobody will ask it again."""
        sight, self._sight = self._sight, NoSight()
        for host in self._hosts:
            if host.number in self._cut_off:
                sight.breaker_moved(host.exchange.name, is_open=False)
            if host.number in self._ejected:
                sight.host_moved(host.exchange.name, ejected=False)

    async def close(self) -> None:
        """Let go of the connections to all hosts."""
        for host in self._hosts:
            await host.exchange.close()

    async def _ask(self, host: _Host, ticket: int, request: Outgoing) -> Answered:
        try:
            answer = await host.exchange.send(request)
        except UpstreamProblem as problem:
            self._note_failure(host, ticket, problem)
            raise
        if self._ejections.succeeded(host.number):
            self._ejected.discard(host.number)
            self._sight.host_moved(host.exchange.name, ejected=False)
        if host.breaker.succeeded(ticket):
            self._cut_off.discard(host.number)
            self._sight.breaker_moved(host.exchange.name, is_open=False)
            log.info("upstream came back", extra={"upstream": host.exchange.name})
        return Answered(answer, host.exchange)

    async def _ask_again(
        self, host: _Host, ticket: int, request: Outgoing, first: UpstreamProblem
    ) -> Answered:
        try:
            return await self._ask(host, ticket, request)
        except UpstreamUnavailable as second:
            # The client is never told that nothing was sent if the first try was.
            raise second if isinstance(first, UpstreamUnavailable) else first from None

    def _admit(self, *, but: _Host | None = None) -> tuple[_Host, int] | None:
        hosts, turn = self._hosts, next(self._turns)
        for place in range(turn, turn + len(hosts)):
            host = hosts[place % len(hosts)]
            if host is but or self._ejections.rest(host.number):
                continue
            ticket = host.breaker.admit()
            if ticket is not None:
                return host, ticket
        return None

    def _admit_again(
        self,
        failed: _Host,
        request: Outgoing,
        problem: UpstreamProblem,
        *,
        began: float,
    ) -> tuple[_Host, int] | None:
        """Return who is asked once more; rather another than the one that failed."""
        waited = self._clock() - began
        if (
            waited >= request.timeouts.head
            or not _may_repeat(request, problem)
            or not self._budget.spend()
        ):
            return None
        return self._admit(but=failed) or self._admit()

    def _note_failure(self, host: _Host, ticket: int, problem: UpstreamProblem) -> None:
        self._sight.upstream_failed(host.exchange.name, problem.code)
        facts = {"upstream": host.exchange.name, "reason": problem.code}
        if host.breaker.failed(ticket):
            self._cut_off.add(host.number)
            self._sight.breaker_moved(host.exchange.name, is_open=True)
            log.warning("upstream was cut off", extra=facts)
        if seconds := self._ejections.failed(host.number):
            if host.number not in self._ejected:
                self._ejected.add(host.number)
                self._sight.host_moved(host.exchange.name, ejected=True)
            log.warning("upstream was ejected", extra={**facts, "seconds": seconds})

    def _rest(self) -> int:
        rests = (
            max(host.breaker.rest(), self._ejections.rest(host.number))
            for host in self._hosts
        )
        return max(1, math.ceil(min(rests)))


def _breaker(clock: Clock) -> Breaker:
    rule = FailureRatio(window=10.0, minimum=20, ratio=0.5)
    return Breaker(rule, open_for=OPEN_FOR, clock=clock)


def _may_repeat(request: Outgoing, problem: UpstreamProblem) -> bool:
    if isinstance(problem, UpstreamUnavailable):
        return True
    if isinstance(problem, UpstreamTimeout) or not isinstance(request.body, bytes):
        return False
    return request.method in SAFE_METHODS or any(
        name.lower() == "idempotency-key" for name, _ in request.headers
    )
