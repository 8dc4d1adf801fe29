"""Whose address counts as a request's own."""

from functools import lru_cache
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

Address = IPv4Address | IPv6Address
UNKNOWN = "unknown"
_PREFIX_OF_ONE_CLIENT = 64


def sender_of(*, peer: str, forwarded: str, trusted: tuple[str, ...]) -> str:
    """Return the address that a request came from, an IPv6 one in full.

    `forwarded` is X-Forwarded-For; it is believed from the right, as far as the
    networks of trusted proxies reach. A socket without addresses gives "unknown".
    """
    if not (forwarded and trusted):
        return _in_full(peer)
    found = UNKNOWN
    for hop in reversed([*forwarded.split(","), peer]):
        address = _address(hop.strip())
        if address is None:
            break
        found = str(address)
        if not is_within(found, trusted):
            break
    return found


@lru_cache(maxsize=4096)
def network_of(address: str) -> str:
    """Return what counts as one client: of an IPv6 address its /64 network."""
    found = _address(address)
    if found is None:
        return UNKNOWN
    if isinstance(found, IPv4Address):
        return str(found)
    return str(ip_network((found, _PREFIX_OF_ONE_CLIENT), strict=False))


@lru_cache(maxsize=4096)
def _in_full(peer: str) -> str:
    return str(_address(peer.strip()) or UNKNOWN)


@lru_cache(maxsize=4096)
def is_within(address: str, networks: tuple[str, ...]) -> bool:
    """Tell whether an address lies in one of the networks."""
    found = _address(address)
    return found is not None and any(found in each for each in _networks(networks))


@lru_cache(maxsize=512)
def _networks(texts: tuple[str, ...]) -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(ip_network(text) for text in texts)


@lru_cache(maxsize=4096)
def _address(text: str) -> Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
