"""How much a client may ask for, and how that is told to it."""

import math
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Policy:
    """A bucket of `burst` tokens that refills at `rate` tokens per second."""

    name: str
    rate: float
    burst: int
    # Its item of `RateLimit-Policy`, which each answer shows.
    shown: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        window = math.ceil(self.burst / self.rate) if self.rate else 0
        text = f'"{self.name}";q={self.burst};w={window}'
        object.__setattr__(self, "shown", text)

    def refilled(self, tokens: float, *, seconds: float) -> float:
        """Return what a bucket holds after so many seconds without a request."""
        return min(float(self.burst), tokens + max(0.0, seconds) * self.rate)


# Not frozen: made with every request, and each field of a frozen one costs a call.
@dataclass(slots=True)
class Verdict:
    """Whether one bucket lets a request pass, and what it holds now."""

    policy: Policy
    allowed: bool
    tokens: float
    cost: int = 1
    shadow: bool = False

    @property
    def retry_after(self) -> int:
        """Whole seconds until the bucket holds what the request costs."""
        return max(1, math.ceil((self.cost - self.tokens) / self.policy.rate))

    @property
    def seconds_until_full(self) -> int:
        """Whole seconds until the bucket is full."""
        return math.ceil((self.policy.burst - self.tokens) / self.policy.rate)

    def state_field(self) -> str:
        """Return this bucket's item of `RateLimit`."""
        policy, tokens = self.policy, self.tokens
        until_full = math.ceil((policy.burst - tokens) / policy.rate)
        return f'"{policy.name}";r={int(tokens)};t={until_full}'
