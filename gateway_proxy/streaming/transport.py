"""Opens exchanges that wait in the event loop."""

from gateway_proxy.core.addresses import LOCAL
from gateway_proxy.core.ports import Exchange
from gateway_proxy.streaming.bridge import Bridge
from gateway_proxy.streaming.http import HttpTransport


class StreamingTransport:
    """Reaches this same process over the bridge, and hosts over HTTP."""

    def __init__(self, django: Bridge) -> None:
        self._django = django
        self._http = HttpTransport()

    def exchange_with(self, address: str) -> Exchange:
        """Return the exchange with an address."""
        if address == LOCAL:
            return self._django
        return self._http.exchange_with(address)
