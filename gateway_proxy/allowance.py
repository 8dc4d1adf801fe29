"""How much a client may ask for, and how that is told to it."""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Policy:
    """A bucket of `burst` tokens that refills at `rate` tokens per second."""

    name: str
    rate: float
    burst: int

    def refilled(self, tokens: float, *, seconds: float) -> float:
        """Return what a bucket holds after so many seconds without a request."""
        return min(float(self.burst), tokens + max(0.0, seconds) * self.rate)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether one request may pass, and what its bucket holds now."""

    policy: Policy
    allowed: bool
    tokens: float

    @property
    def retry_after(self) -> int:
        """Whole seconds until the bucket holds a token again."""
        return max(1, math.ceil((1.0 - self.tokens) / self.policy.rate))

    def headers(self) -> dict[str, str]:
        """Return the fields of the IETF draft on rate limits, and Retry-After."""
        policy = self.policy
        window = math.ceil(policy.burst / policy.rate)
        until_full = math.ceil((policy.burst - self.tokens) / policy.rate)
        fields = {
            "RateLimit-Policy": f'"{policy.name}";q={policy.burst};w={window}',
            "RateLimit": f'"{policy.name}";r={int(self.tokens)};t={until_full}',
        }
        if not self.allowed:
            fields["Retry-After"] = str(self.retry_after)
        return fields
