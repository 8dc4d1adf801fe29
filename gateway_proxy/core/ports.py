"""What the gateway needs from outside: each front brings its own kind of each.

All are coroutines. Under a server of threads they never suspend, so that one core
serves both: `gateway_proxy.blocking` runs it in the thread of the request.
"""

from collections.abc import Callable
from typing import Protocol

from gateway_proxy.core.decisions import Charge, Decision
from gateway_proxy.core.messages import Answer, Outgoing
from gateway_proxy.core.table import RouteTable
from opencore.claims import AccessClaims, Claims, KeyClaims

# Takes a token and the audience that a route asks for, if it asks for one. Raises a
# refusal for whatever is wrong with the token, and nothing else.
ReadToken = Callable[[str, str | None], AccessClaims]
# Returns a token that tells an audience who asks, in the request of this id.
MintIdentity = Callable[[Claims, str, str], str]
CurrentTable = Callable[[], RouteTable]


class Keys(Protocol):
    """Knows API keys."""

    def known(self, credentials: str) -> KeyClaims | None:
        """Return a key that was looked up a moment ago; asks nobody."""
        ...

    async def look_up(self, credentials: str, sender: str) -> KeyClaims | None:
        """Return a key that is good now, from this address; None if it is not.

        Raises what went wrong with looking.
        """
        ...

    async def close(self) -> None:
        """Look up no more."""
        ...


class Limits(Protocol):
    """Decides about requests, with Redis or without."""

    async def decide(self, charge: Charge) -> Decision:
        """Return the decision; never fails, never waits for long."""
        ...

    async def close(self) -> None:
        """Let go of the connections."""
        ...


class Exchange(Protocol):
    """Carries requests to one host, one answer for each.

    What goes wrong is raised as UpstreamUnavailable if nothing was sent, as
    UpstreamFailed if the host may have acted, as UpstreamTimeout if it is late.
    """

    @property
    def name(self) -> str:
        """How logs and metrics call it."""
        ...

    def origin(self, request: Outgoing) -> str:
        """Return the host, and the base path if any, that its own links begin with."""
        ...

    async def send(self, request: Outgoing) -> Answer:
        """Return its answer; whoever gets it closes its body."""
        ...

    async def close(self) -> None:
        """Let go of the connections."""
        ...


class Transport(Protocol):
    """Opens exchanges with the addresses that routes name."""

    def exchange_with(self, address: str) -> Exchange:
        """Return the exchange with `local`, `http[s]://host[:port][/path]`, `unix:`."""
        ...
