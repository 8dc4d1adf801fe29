"""Whether the time of an answer tells if an address is somebody's.

Known and unknown addresses take turns, and the Mann-Whitney test says how likely the
difference between the two would be if there were none. Its p, and not how long anything
takes, is what is wanted.
"""

import json
from collections.abc import Callable, Sequence
from ipaddress import IPv6Address
from itertools import count
from math import erfc, sqrt
from statistics import median
from time import perf_counter
from uuid import uuid4

from django.test import Client
from django.utils import timezone

from accounts.models import Challenge, User
from accounts.services import request_code
from tests.bench.figures import Goal, Result, Sample, Say, figure_of
from tests.bench.samples import patient

OTP, VERIFY = "/v1/auth/otp", "/v1/auth/otp/verify"
PAIRS = 200
# Chance alone is below this once in a hundred runs.
UNLIKELY = 0.01
NEAR = 5.0
KNOWN, UNKNOWN = "to an address that is somebody's", "to one that is nobody's"
Times = list[float]
Ask = Callable[[str], float]
networks = count(uuid4().time_low << 64 | 1, 1 << 64)


def measure(*, events: int, say: Say) -> Result:
    """Ask in turns for known and unknown addresses, and compare the times."""
    pairs = min(PAIRS, max(events // 100, 4))
    try:
        asked = _compared("signing in, a code is asked for", _ask, pairs, say)
        told = _compared("signing in, a wrong code is told", _tell_wrong, pairs, say)
    finally:
        with patient() as own:
            own.execute("set session_replication_role = replica")
            own.execute("truncate accounts_challenge, accounts_user cascade")
            own.execute("truncate outbox_event")
    return asked + told


def _compared(bench: str, ask: Ask, pairs: int, say: Say) -> Result:
    known, unknown = _addresses(pairs), _addresses(pairs)
    User.objects.bulk_create(User(email=email) for email in known)
    for email in (_addresses(1)[0], _addresses(1)[0]):
        ask(email)
    times: dict[str, Times] = {KNOWN: [], UNKNOWN: []}
    for turn, (somebodys, nobodys) in enumerate(zip(known, unknown, strict=True)):
        order = [(KNOWN, somebodys), (UNKNOWN, nobodys)]
        # Neither always comes after the other.
        for name, email in order if turn % 2 else reversed(order):
            times[name].append(ask(email))
    chance = mann_whitney(times[KNOWN], times[UNKNOWN])
    apart = abs(median(times[KNOWN]) - median(times[UNKNOWN]))
    say(f"{bench}: p = {chance:.3f}, medians {apart:.2f} ms apart")
    goals = [
        _goal(
            bench,
            f"p over {pairs} pairs",
            f"> {UNLIKELY}",
            chance,
            "",
            chance > UNLIKELY,
        ),
        _goal(
            bench,
            "the medians' difference",
            f"< {NEAR:g} ms",
            apart,
            "ms",
            apart < NEAR,
        ),
    ]
    figures = [
        figure_of(bench, name, [Sample(each) for each in found], "ms")
        for name, found in times.items()
    ]
    return Result(figures, goals)


def mann_whitney(some: Sequence[float], others: Sequence[float]) -> float:
    """Return how likely it is by chance that the two lie so far apart, or farther.

    By the normal approximation, which is good from twenty values each; times of so many
    digits are hardly ever the same, so ties are not corrected for.
    """
    wins = sum(
        1.0 if one > other else 0.5 if one == other else 0.0
        for one in some
        for other in others
    )
    pairs = len(some) * len(others)
    spread = sqrt(pairs * (len(some) + len(others) + 1) / 12)
    return erfc(abs(wins - pairs / 2) / spread / sqrt(2))


def _ask(email: str) -> float:
    return _milliseconds(OTP, {"email": email}, 202)


def _tell_wrong(email: str) -> float:
    asked = request_code(email=email, ip=None, user_agent="", now=timezone.now())
    challenge = Challenge.objects.get(id=asked.challenge_id)
    body = {"challenge_id": str(challenge.id), "code": "no code!"[:8]}
    return _milliseconds(VERIFY, {**body, "code": "00000000"}, 400)


def _milliseconds(path: str, body: object, status: int) -> float:
    text = json.dumps(body)
    # From everywhere, so that no brake stops it.
    place = str(IPv6Address(0x20010DB8 << 96 | next(networks) % (1 << 96)))
    client = Client()
    began = perf_counter()
    response = client.post(
        path, data=text, content_type="application/json", REMOTE_ADDR=place
    )
    took = (perf_counter() - began) * 1000
    if response.status_code != status:
        raise RuntimeError(f"{path}: {response.status_code} {response.content!r}")
    return took


def _addresses(number: int) -> list[str]:
    return [f"{uuid4().hex}@example.com" for _ in range(number)]


def _goal(
    bench: str, what: str, wanted: str, measured: float, unit: str, kept: bool
) -> Goal:
    return Goal(
        bench=bench, what=what, wanted=wanted, measured=measured, unit=unit, kept=kept
    )
