"""The words in which Redis is asked for a decision, and those of its answer."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from gateway_proxy.core.allowance import Verdict
from gateway_proxy.core.decisions import Charge, Decision
from opencore.revoked import GOOD_SINCE, REVOKED, members_of

SCRIPT = Path(__file__).parent.with_name("decide.lua").read_text("utf-8")
SHA = hashlib.sha1(SCRIPT.encode(), usedforsecurity=False).hexdigest()

_BUCKET = "{opencore}:bucket:"
_NO_TOKEN = ("", "", "", "")
_REVOKED = Decision((), revoked=True)


def question_of(charge: Charge) -> list[str | int | float]:
    """Return what EVALSHA or EVAL is given behind the script."""
    buckets = charge.buckets
    question: list[str | int | float] = [2 + len(buckets), REVOKED, GOOD_SINCE]
    question += [_BUCKET + bucket.key for bucket in buckets]
    question.append(charge.cost)
    claims = charge.claims
    if claims is None:
        question += _NO_TOKEN
    else:
        question += (*members_of(claims), claims.issued_at.timestamp())
    for bucket in buckets:
        policy = bucket.policy
        question += (policy.rate, policy.burst, int(bucket.shadow))
    return question


def decision_of(charge: Charge, answer: Sequence[int]) -> Decision:
    """Return what the script's answer says."""
    if answer[0]:
        return _REVOKED
    cost = charge.cost
    verdicts = [
        Verdict(bucket.policy, held == 1, millionths / 1_000_000, cost, bucket.shadow)
        for bucket, held, millionths in zip(
            charge.buckets, answer[1::2], answer[2::2], strict=True
        )
    ]
    return Decision(tuple(verdicts))
