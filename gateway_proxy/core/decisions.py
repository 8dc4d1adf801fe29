"""What one request is charged, and what came of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from gateway_proxy.core.allowance import Policy, Verdict
from opencore.claims import Claims

WhenDown = Literal["local", "open", "closed"]


# Not frozen: made with every request, and each field of a frozen one costs a call.
@dataclass(slots=True)
class Bucket:
    """One bucket that a request draws from; a bucket in the shadow refuses nobody."""

    key: str
    policy: Policy
    shadow: bool = False


@dataclass(slots=True)
class Charge:
    """What one request costs in which buckets: it takes from all of them or from none.

    The claims are those whose session, user or key may have been revoked, or API key. `when_down`
    says who decides while Redis is away: this process, nobody (all pass), or nobody
    (none passes). `question` is how whoever asks for a decision wrote it down.
    """

    buckets: tuple[Bucket, ...]
    cost: int = 1
    when_down: WhenDown = "local"
    claims: Claims | None = None
    question: bytes | None = field(default=None, compare=False, repr=False)


@dataclass(slots=True)
class Decision:
    """Whether a request may pass; one verdict for each bucket that it was charged to."""

    verdicts: tuple[Verdict, ...]
    revoked: bool = False
    closed: bool = False

    @property
    def allowed(self) -> bool:
        """Tell whether the request may pass."""
        if self.revoked or self.closed:
            return False
        # A loop, for `all` would make a generator with each request.
        for verdict in self.verdicts:  # noqa: SIM110 -- see above
            if not (verdict.allowed or verdict.shadow):
                return False
        return True

    @property
    def refusals(self) -> tuple[Verdict, ...]:
        """Return the verdicts that keep the request out."""
        return tuple(
            verdict
            for verdict in self.verdicts
            if not (verdict.allowed or verdict.shadow)
        )

    def headers(self) -> Mapping[str, str]:
        """Return the fields of the IETF draft on rate limits, and Retry-After."""
        shown = [verdict for verdict in self.verdicts if not verdict.shadow]
        fields = {}
        if shown:
            fields["ratelimit-policy"] = ", ".join([one.policy.shown for one in shown])
            fields["ratelimit"] = ", ".join([one.state_field() for one in shown])
        late = [verdict.retry_after for verdict in shown if not verdict.allowed]
        if late:
            fields["retry-after"] = str(max(late))
        elif self.closed:
            fields["retry-after"] = "1"
        return fields

    def legacy_headers(self) -> Mapping[str, str]:
        """Return X-RateLimit-* of the bucket that is emptiest for its size.

        No standard says what they mean; here Limit is the most that the bucket holds,
        Remaining what it holds now, Reset the whole seconds until it is full.
        """
        shown = [verdict for verdict in self.verdicts if not verdict.shadow]
        if not shown:
            return {}
        tightest = min(shown, key=lambda one: one.tokens / one.policy.burst)
        return {
            "x-ratelimit-limit": str(tightest.policy.burst),
            "x-ratelimit-remaining": str(int(tightest.tokens)),
            "x-ratelimit-reset": str(tightest.seconds_until_full),
        }
