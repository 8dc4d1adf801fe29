"""The limits of the run, and how nginx asks Redis for the same decision."""

from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings
from redis import Redis

import gateway_proxy
from opencore.tokens import kid_of

RATE = BURST = 1_000_000
SCRIPT = Path(gateway_proxy.__file__).with_name("bucket.lua")


def of_lua() -> dict[str, object]:
    """Return what nginx with Lua is told; its words in angles stand for claims."""
    redis = urlsplit(settings.REDIS_URL)
    with Redis.from_url(settings.REDIS_URL) as client:
        sha = client.script_load(SCRIPT.read_text("utf-8"))
    return {
        "key": settings.JWT_SIGNING_KEY,
        "kid": kid_of(settings.JWT_SIGNING_KEY),
        "issuer": settings.PUBLIC_URL,
        "redis_port": redis.port,
        "redis_password": redis.password,
        "rate": RATE,
        "burst": BURST,
        "sha": sha,
        "keys": 1,
        "arguments": ["gateway:bucket:{user:<user>}", str(RATE), str(BURST)],
    }
