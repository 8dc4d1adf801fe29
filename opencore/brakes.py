"""Brakes on single views: so many requests of a kind per time, counted in Redis."""

import time
from collections.abc import Callable
from functools import cache, wraps
from typing import Any, ClassVar, Concatenate, Literal, ParamSpec, TypeVar, cast

import redis
from django.conf import settings
from django.core.cache import caches
from django.core.cache.backends.locmem import LocMemCache
from django.core.cache.backends.redis import RedisCache
from django.http import HttpRequest
from django_ratelimit.core import get_usage
from redis.backoff import NoBackoff
from redis.retry import Retry
from rest_framework.request import Request

from opencore.addresses import network_of, sender_of
from opencore.errors import RateLimited

P = ParamSpec("P")
R = TypeVar("R")
WhenDown = Literal["open", "closed", "local"]
Key = Callable[[HttpRequest], str] | Literal["address"]

# The longest unused make room.
_CLIENTS_REMEMBERED = 10_000


def brake(
    group: str, *, rate: str, key: Key = "address", when_down: WhenDown = "local"
) -> Callable[
    [Callable[Concatenate[Any, Request, P], R]],
    Callable[Concatenate[Any, Request, P], R],
]:
    """Refuse a view's method above a rate such as `5/m` of one key.

    While Redis is down, `local` counts in this process, so that each process lets the
    rate through; `open` lets all through, `closed` none.
    """

    def decorate(
        method: Callable[Concatenate[Any, Request, P], R],
    ) -> Callable[Concatenate[Any, Request, P], R]:
        @wraps(method)
        def braked(view: Any, request: Request, *args: P.args, **kwargs: P.kwargs) -> R:  # noqa: ANN401 -- a view of any class
            hold_back(request, group=group, rate=rate, key=key, when_down=when_down)
            return method(view, request, *args, **kwargs)

        return cast("Callable[Concatenate[Any, Request, P], R]", braked)

    return decorate


def hold_back(
    request: HttpRequest | Request,
    *,
    group: str,
    rate: str,
    key: Key = "address",
    when_down: WhenDown = "local",
) -> None:
    """Count one request; raises RateLimited if it is one too many."""
    plain = cast("HttpRequest", getattr(request, "_request", request))
    reader = client_address if key == "address" else key
    usage = get_usage(
        plain,
        group=group,
        key=lambda _group, _request: reader(request),
        rate=rate,
        increment=True,
    )
    if when_down != "local" and _cache().is_down():
        if when_down == "closed":
            raise RateLimited(headers={"Retry-After": "1"})
        return
    if usage["should_limit"]:
        raise RateLimited(headers={"Retry-After": str(max(1, usage["time_left"]))})


def client_address(request: HttpRequest | Request) -> str:
    """Return the address that a request came from; of an IPv6 one its /64 network.

    X-Forwarded-For is believed from the right, as far as TRUSTED_PROXIES reach.
    """
    return network_of(sender_address(request))


def sender_address(request: HttpRequest | Request) -> str:
    """Return the address that a request came from, an IPv6 one in full."""
    return sender_of(
        peer=request.META.get("REMOTE_ADDR", ""),
        forwarded=request.META.get("HTTP_X_FORWARDED_FOR", ""),
        trusted=tuple(settings.TRUSTED_PROXIES),
    )


class _WithoutRedis:
    """What all threads of this process count, and know, while a Redis is away.

    Django makes a cache for each thread; apart, each would let the rate through.
    """

    def __init__(self, server: str) -> None:
        options = {"OPTIONS": {"MAX_ENTRIES": _CLIENTS_REMEMBERED}}
        self.counts = LocMemCache(f"brakes of {server}", options)
        self.until = 0.0


@cache
def _without(server: str) -> _WithoutRedis:
    return _WithoutRedis(server)


class BrakeCache(RedisCache):
    """Counts in Redis while it answers, in this process while it doesn't.

    After a failure Redis is left alone for a second, so that a hung one costs a
    process one time-out per second and not one per request.
    """

    pause: ClassVar[float] = 1.0

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        params = {
            **params,
            "OPTIONS": {
                "socket_timeout": settings.REDIS_TIMEOUT,
                "socket_connect_timeout": settings.REDIS_TIMEOUT,
                "retry": Retry(NoBackoff(), 0),
                **params.get("OPTIONS", {}),
            },
        }
        super().__init__(server, params)
        self._without = _without(server)

    def is_down(self) -> bool:
        """Tell whether counts are kept here because Redis failed just now."""
        return time.monotonic() < self._without.until

    def add(self, key: str, value: Any, *args: Any, **kwargs: Any) -> bool:  # noqa: ANN401 -- the signature is Django's
        """Set the count if there is none; true if there was none."""
        return bool(self._ask("add", key, value, *args, **kwargs))

    def get(self, key: str, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 -- the signature is Django's
        """Return the count."""
        return self._ask("get", key, *args, **kwargs)

    def incr(self, key: str, *args: Any, **kwargs: Any) -> int:
        """Count one more; one that just ran out or moved begins anew."""
        try:
            return int(self._ask("incr", key, *args, **kwargs))
        except ValueError:
            self._ask("add", key, 1)
            return 1

    def _ask(self, operation: str, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 -- whatever the cache answers
        if not self.is_down():
            try:
                return getattr(super(), operation)(*args, **kwargs)
            except (redis.RedisError, OSError):
                self._without.until = time.monotonic() + self.pause
        return getattr(self._without.counts, operation)(*args, **kwargs)


def _cache() -> BrakeCache:
    return cast("BrakeCache", caches[settings.RATELIMIT_USE_CACHE])
