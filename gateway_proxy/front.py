"""The gateway as this deployment's settings describe it, one for each kind of server."""

from functools import cache, lru_cache
from typing import Protocol

from django.conf import settings

from gateway_proxy import watching
from gateway_proxy.asgi import AsgiFront
from gateway_proxy.blocking import limits as blocking_limits
from gateway_proxy.blocking.keys import BlockingKeys
from gateway_proxy.blocking.transport import BlockingTransport
from gateway_proxy.config import GatewayConfig, read_config
from gateway_proxy.core.gateway import Gateway, Parts
from gateway_proxy.core.ports import Keys, Limits, Transport
from gateway_proxy.core.sight import Sight
from gateway_proxy.keys import RememberedKeys, remembered_keys
from gateway_proxy.sight import current_sight
from gateway_proxy.streaming import limits as streaming_limits
from gateway_proxy.streaming.bridge import Bridge
from gateway_proxy.streaming.keys import StreamingKeys
from gateway_proxy.streaming.transport import StreamingTransport
from opencore.tokens import mint_internal, read_access


class OpenLimits(Protocol):
    """Opens limits of one kind."""

    def __call__(
        self, *, url: str, timeout: float, processes: int, sight: Sight
    ) -> Limits:
        """Return them."""
        ...


class OpenKeys(Protocol):
    """Makes keys of one kind."""

    def __call__(self, remembered: RememberedKeys) -> Keys:
        """Return them."""
        ...


def current_gateway() -> Gateway:
    """Return the gateway of threads; it keeps connections, so it is made once."""
    return _gateway_of(read_config())


@lru_cache(maxsize=8)
def _gateway_of(config: GatewayConfig) -> Gateway:
    return _gateway(
        config, blocking_limits.open_limits, BlockingTransport(), BlockingKeys
    )


def asgi_front() -> AsgiFront:
    """Return the front of an event loop: the gateway, and Django behind a bridge."""
    threads = settings.GATEWAY_THREADS
    django = Bridge(
        threads=threads,
        waiting=threads * settings.GATEWAY_WAITING,
        sight=current_sight(),
    )
    transport = StreamingTransport(django)
    gateway = _gateway(
        read_config(), streaming_limits.open_limits, transport, StreamingKeys
    )
    return AsgiFront(
        gateway,
        django=django,
        aside=Bridge(threads=2, waiting=8),
        counter=current_sight(),
    )


@cache
def _sight() -> Sight:
    sight = current_sight()
    watching.tell(sight)
    return sight


def _gateway(
    config: GatewayConfig,
    open_limits: OpenLimits,
    transport: Transport,
    open_keys: OpenKeys,
) -> Gateway:
    sight, keys = _sight(), None if config.alone else remembered_keys()
    limits = open_limits(
        url=config.redis_url,
        timeout=config.redis_timeout,
        processes=config.processes,
        sight=sight,
    )
    return Gateway(
        Parts(
            table=watching.current_table,
            read_token=read_access,
            limits=limits,
            transport=transport,
            mint_identity=mint_internal,
            keys=None if keys is None else open_keys(keys),
            cors=config.cross_origin,
            sight=sight,
            verifies_tokens=config.verifies_tokens,
            tells_legacy_limits=config.tells_legacy_limits,
        )
    )
