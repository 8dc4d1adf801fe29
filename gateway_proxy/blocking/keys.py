"""API keys, for servers of threads."""

from gateway_proxy.core.ports import Keys
from gateway_proxy.keys import RememberedKeys
from opencore.claims import KeyClaims


class BlockingKeys(Keys):
    """Looks keys up in the thread of the request."""

    def __init__(self, remembered: RememberedKeys) -> None:
        self._remembered = remembered

    def known(self, credentials: str) -> KeyClaims | None:
        """Return a key that was looked up a moment ago."""
        return self._remembered.known(credentials)

    async def look_up(self, credentials: str, sender: str) -> KeyClaims | None:
        """Return a key that is good now, from this address; None if it is not."""
        return self._remembered.look_up(credentials, sender)

    async def close(self) -> None:
        """Hold nothing that needs closing."""
