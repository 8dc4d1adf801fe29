"""The gateway as this deployment's settings describe it, one for each kind of server."""

from functools import lru_cache

from django.conf import settings

from gateway_proxy.asgi import AsgiFront
from gateway_proxy.blocking.interim import FirstLimits, FirstTransport
from gateway_proxy.config import GatewayConfig, read_config, table_of
from gateway_proxy.core.gateway import Gateway, Parts
from gateway_proxy.reading import read_token
from gateway_proxy.streaming.bridge import Bridge
from gateway_proxy.streaming.interim import ThreadedLimits, ThreadedTransport


def current_gateway() -> Gateway:
    """Return the gateway of threads; it keeps connections, so it is made once."""
    return _gateway_of(read_config())


@lru_cache(maxsize=8)
def _gateway_of(config: GatewayConfig) -> Gateway:
    table = table_of(config)
    return Gateway(
        Parts(
            table=lambda: table,
            read_token=read_token,
            limits=FirstLimits(config.redis_url, config.redis_timeout),
            transport=FirstTransport(),
            verifies_tokens=config.verifies_tokens,
        )
    )


def asgi_front() -> AsgiFront:
    """Return the front of an event loop: the gateway, and Django behind a bridge."""
    config = read_config()
    table = table_of(config)
    threads = settings.GATEWAY_THREADS
    django = Bridge(threads=threads, waiting=threads * settings.GATEWAY_WAITING)
    gateway = Gateway(
        Parts(
            table=lambda: table,
            read_token=read_token,
            limits=ThreadedLimits(FirstLimits(config.redis_url, config.redis_timeout)),
            transport=ThreadedTransport(django),
            verifies_tokens=config.verifies_tokens,
        )
    )
    return AsgiFront(gateway, django=django, aside=Bridge(threads=2, waiting=8))
