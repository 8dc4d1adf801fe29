"""Opens exchanges that wait in the thread of the request."""

from gateway_proxy.blocking.http import HttpTransport
from gateway_proxy.blocking.local import LocalExchange
from gateway_proxy.core.addresses import LOCAL
from gateway_proxy.core.ports import Exchange


class BlockingTransport:
    """Reaches this same process, and hosts over HTTP."""

    def __init__(self) -> None:
        self._http = HttpTransport()

    def exchange_with(self, address: str) -> Exchange:
        """Return the exchange with an address."""
        if address == LOCAL:
            return LocalExchange()
        return self._http.exchange_with(address)
