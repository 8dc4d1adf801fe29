"""How long to wait before trying again."""

import random
from datetime import timedelta

FIRST_WAIT = timedelta(milliseconds=500)
LONGEST_WAIT = timedelta(minutes=5)


def wait_before(attempt: int) -> timedelta:
    """Return a wait of up to 0.5 s doubled per attempt, at most five minutes.

    Full jitter, so that many retries don't come together: the AWS Architecture Blog,
    "Exponential Backoff And Jitter". At least a tenth of the longest, so that a retry
    is never a busy loop.
    """
    longest = min(FIRST_WAIT * (1 << min(attempt - 1, 16)), LONGEST_WAIT)
    return longest * random.uniform(0.1, 1)  # noqa: S311 -- not a secret
