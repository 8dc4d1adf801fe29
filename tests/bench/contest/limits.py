"""The limits of the run, and how nginx asks Redis for the same decision."""

from datetime import UTC, datetime
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.test import override_settings
from redis import Redis

from gateway_proxy.core.charging import charge_of
from gateway_proxy.core.decisions import Charge
from gateway_proxy.core.messages import HeldUpload, Incoming
from gateway_proxy.core.script import SCRIPT, question_of
from gateway_proxy.defaults import default_table
from opencore.claims import AccessClaims
from opencore.tokens import kid_of

RATE = BURST = 100_000
PATH = "/billing/small"
HOST = "127.0.0.1"
# What stands in a question for what a token says.
_USER = UUID("00000000-0000-7000-8000-00000000aaaa")
_SESSION = UUID("00000000-0000-7000-8000-00000000bbbb")
_THEN = datetime(2001, 9, 9, 1, 46, 40, tzinfo=UTC)
_STANDS_FOR = {
    str(_USER): "<sub>",
    str(_SESSION): "<sid>",
    str(_THEN.timestamp()): "<iat>",
}


def of_lua() -> dict[str, object]:
    """Return what nginx with Lua is told; its words in angles stand for claims."""
    redis = urlsplit(settings.REDIS_URL)
    with Redis.from_url(settings.REDIS_URL) as client:
        sha = client.script_load(SCRIPT)
    charge = _charge()
    policies = [bucket.policy for bucket in charge.buckets]
    return {
        "key": settings.JWT_SIGNING_KEY,
        "kid": kid_of(settings.JWT_SIGNING_KEY),
        "issuer": settings.PUBLIC_URL,
        "redis_port": redis.port,
        "redis_password": redis.password,
        "call": [sha, *map(_word, question_of(charge))],
        "policies": [
            {"name": policy.name, "rate": policy.rate, "burst": policy.burst}
            for policy in policies
        ],
    }


def _word(word: str | float) -> str:
    text = str(word)
    for written, claim in _STANDS_FOR.items():
        text = text.replace(written, claim)
    return text


def _charge() -> Charge:
    with override_settings(GATEWAY_RATE=RATE, GATEWAY_BURST=BURST):
        table = default_table()
    route = table.find(PATH)
    assert route is not None
    return charge_of(_request(), route, _claims(), table)


def _claims() -> AccessClaims:
    return AccessClaims(
        user_id=_USER,
        session_id=_SESSION,
        role="user",
        expires_at=_THEN,
        issued_at=_THEN,
        key_id=kid_of(settings.JWT_SIGNING_KEY),
    )


def _request() -> Incoming:
    return Incoming(
        method="GET",
        path=PATH,
        query="",
        headers=(),
        scheme="http",
        host=HOST,
        peer=HOST,
        sender=HOST,
        client=HOST,
        request_id="",
        length=0,
        upload=_unread,
    )


def _unread(limit: int) -> HeldUpload:
    raise NotImplementedError
