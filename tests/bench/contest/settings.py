"""OpenCore as its tests set it, with the bench's own views behind it."""

from typing import Any

from opencore.settings.test import *  # noqa: F403 -- a settings module builds on another
from opencore.settings.test import CACHES, REDIS_URL, REST_FRAMEWORK

ROOT_URLCONF = "tests.bench.contest.urls"
CACHES = {
    **CACHES,
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
    },
}
_rates: dict[str, Any] = {"DEFAULT_THROTTLE_RATES": {"user": "1000000/s"}}
REST_FRAMEWORK = {**REST_FRAMEWORK, **_rates}
