"""Ports around the first limiter and the first upstreams, each in a thread."""

import asyncio
from dataclasses import replace
from typing import cast

from gateway_proxy.blocking import run
from gateway_proxy.blocking.http import HttpTransport
from gateway_proxy.core.addresses import LOCAL
from gateway_proxy.core.messages import Answer, AsyncUpload, Outgoing
from gateway_proxy.core.ports import Exchange
from gateway_proxy.streaming.bridge import Bridge


class ThreadedExchange:
    """Carries requests in threads."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self.name = exchange.name

    def origin(self, request: Outgoing) -> str:
        """Return where links begin."""
        return self._exchange.origin(request)

    async def send(self, request: Outgoing) -> Answer:
        """Return the answer, whole."""
        if not isinstance(request.body, bytes):
            request = replace(
                request,
                body=b"".join(
                    [chunk async for chunk in cast("AsyncUpload", request.body)]
                ),
            )

        def work() -> Answer:
            answer = run(self._exchange.send(request))
            if isinstance(answer.body, bytes):
                return answer
            try:
                body = b"".join(answer.body)  # type: ignore[arg-type]  # -- a thread's
            finally:
                answer.body.close()  # type: ignore[union-attr]  # -- a thread's
            return replace(answer, body=body)

        return await asyncio.to_thread(work)

    async def close(self) -> None:
        """Let go of the connections."""
        await self._exchange.close()


class ThreadedTransport:
    """Opens exchanges."""

    def __init__(self, django: Bridge) -> None:
        self._django = django
        self._blocking = HttpTransport()

    def exchange_with(self, address: str) -> Exchange:
        """Return the exchange with an address."""
        if address == LOCAL:
            return self._django
        return ThreadedExchange(self._blocking.exchange_with(address))
