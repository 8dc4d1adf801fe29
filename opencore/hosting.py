"""What a server tells an application that speaks to its clients itself."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Host:
    """The server that connections belong to.

    It counts them with `count`; `is_last` is asked once for each answer, and tells
    whether its connection ends with it. `refusal` is all that is written to who sent no
    request. A client has `longest_head` seconds for a head, and may rest between two
    requests for `longest_rest`.
    """

    loop: asyncio.AbstractEventLoop
    longest_head: float
    longest_rest: float
    refusal: Callable[[int], bytes]
    is_last: Callable[[], bool]
    count: Callable[[int], None]
