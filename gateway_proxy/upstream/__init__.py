"""What stands behind the gateway: this same process, or services with a URL."""

from typing import Protocol

from gateway_proxy.core.messages import Answer, Outgoing
from gateway_proxy.upstream.http import HttpUpstream

LOCAL = "local"


class Upstream(Protocol):
    """What the gateway needs of the one it forwards to."""

    @property
    def name(self) -> str:
        """How logs call it."""
        ...

    def origin(self, request: Outgoing) -> str:
        """Return the host, and the base path if any, that its own links begin with."""
        ...

    def send(self, request: Outgoing) -> Answer:
        """Return its answer, or raise what went wrong as a refusal."""
        ...

    def close(self) -> None:
        """Let go of the connections."""
        ...


def upstream_at(address: str) -> Upstream:
    """Return the upstream at a URL."""
    return HttpUpstream(address)


__all__ = ("LOCAL", "HttpUpstream", "Upstream", "upstream_at")
