"""Ports around the first limiter and the first upstreams."""

from dataclasses import replace

from gateway_proxy.blocking.local import LocalExchange
from gateway_proxy.core.messages import Answer, Outgoing
from gateway_proxy.core.ports import Exchange
from gateway_proxy.upstream import LOCAL, Upstream, upstream_at


class FirstExchange:
    """Carries requests to one upstream."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self.name = upstream.name

    def origin(self, request: Outgoing) -> str:
        """Return where links begin."""
        return self._upstream.origin(request)

    async def send(self, request: Outgoing) -> Answer:
        """Return the answer."""
        if not isinstance(request.body, bytes):
            request = replace(request, body=await request.body.whole())
        return self._upstream.send(request)

    async def close(self) -> None:
        """Let go of the connections."""
        self._upstream.close()


class FirstTransport:
    """Opens exchanges."""

    def exchange_with(self, address: str) -> Exchange:
        """Return the exchange with an address."""
        if address == LOCAL:
            return LocalExchange()
        return FirstExchange(upstream_at(address))
