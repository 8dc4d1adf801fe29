"""How often codes may be asked for, counted in Postgres, so that it holds without Redis."""

import math
from datetime import datetime, timedelta
from ipaddress import ip_network

from django.conf import settings
from django.db import connection
from django.db.models import QuerySet

from accounts.models import Challenge
from opencore.addresses import network_of
from opencore.errors import RateLimited

WINDOW = timedelta(hours=1)
# Each sets these advisory locks apart from others of 64 bits.
ADDRESS_SEED = 0x0C0C
CLIENT_SEED = 0x0C0D


def hold_address(email: str) -> None:
    """Let nobody else count what concerns this address until the transaction ends."""
    _hold(email.lower(), ADDRESS_SEED)


def refuse_too_soon(*, purpose: str, email: str, now: datetime) -> None:
    """Raise RateLimited if the last code is younger than CODE_RESEND_AFTER."""
    # Without a wait, who comes at the same time may even be the newer one.
    if not settings.CODE_RESEND_AFTER:
        return
    last = (
        Challenge.objects.to_address(email, purpose)
        .filter(created_at__gt=now - settings.CODE_RESEND_AFTER)
        .order_by("-created_at")
        .values_list("created_at", flat=True)
        .first()
    )
    if last is not None:
        raise RateLimited(headers=back_at(last + settings.CODE_RESEND_AFTER, now))


def refuse_too_many(*, email: str, now: datetime) -> None:
    """Raise RateLimited above CODES_PER_HOUR of an address, for whatever purpose."""
    challenges = Challenge.objects.to_address(email, *Challenge.MAILED)
    _refuse_above(settings.CODES_PER_HOUR, challenges, now)


def refuse_client(*, ip: str | None, now: datetime) -> None:
    """Raise RateLimited above CODES_PER_HOUR_OF_CLIENT, of an IPv6 one by its /64."""
    if ip is None:
        return
    network = ip_network(network_of(ip))
    _hold(str(network), CLIENT_SEED)
    challenges = Challenge.objects.filter(
        ip__range=(str(network[0]), str(network[-1])), purpose__in=Challenge.MAILED
    )
    _refuse_above(settings.CODES_PER_HOUR_OF_CLIENT, challenges, now)


def back_at(moment: datetime, now: datetime) -> dict[str, str]:
    """Return the header that says when to come back: not a second too early."""
    return {"Retry-After": str(max(1, math.ceil((moment - now).total_seconds())))}


def _refuse_above(most: int, challenges: QuerySet[Challenge], now: datetime) -> None:
    # The oldest of those that fill the hour: when it is over there is room for one.
    oldest = (
        challenges.filter(created_at__gt=now - WINDOW)
        .order_by("-created_at")
        .values_list("created_at", flat=True)[most - 1 : most]
    )
    for moment in oldest:
        raise RateLimited(headers=back_at(moment + WINDOW, now))


def _hold(text: str, seed: int) -> None:
    # Two who ask at once would each count without the other.
    with connection.cursor() as cursor:
        cursor.execute(
            "select pg_advisory_xact_lock(hashtextextended(%s, %s))", [text, seed]
        )
