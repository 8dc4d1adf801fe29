"""API keys, for event loops."""

import asyncio
import random
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial

from gateway_proxy.core.errors import BridgeFull
from gateway_proxy.core.ports import Keys
from gateway_proxy.keys import RememberedKeys, let_go, mark_of
from opencore.claims import KeyClaims

THREADS = 4
# So many keys are asked for at once before one more is refused.
MOST_ASKED = 100
_Question = tuple[bytes, str]
_Answer = asyncio.Future[KeyClaims | None]


class StreamingKeys(Keys):
    """Looks keys up in a few threads; who asks for the same one shares the answer."""

    def __init__(self, remembered: RememberedKeys) -> None:
        self._remembered = remembered
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="keys")
        self._asked: dict[_Question, _Answer] = {}

    def known(self, credentials: str) -> KeyClaims | None:
        """Return a key that was looked up a moment ago."""
        return self._remembered.known(credentials)

    async def look_up(self, credentials: str, sender: str) -> KeyClaims | None:
        """Return a key that is good now, from this address; None if it is not."""
        question = mark_of(credentials), sender
        answer = self._asked.get(question)
        if answer is None:
            answer = self._ask(question, credentials)
        # Who gives up must not take the answer from the others.
        return await asyncio.shield(answer)

    async def close(self) -> None:
        """End the threads when they have done their work."""
        self._threads.shutdown(wait=False)

    def _ask(self, question: _Question, credentials: str) -> _Answer:
        if len(self._asked) >= MOST_ASKED:
            wait = random.randint(1, 2)  # noqa: S311 -- no secret
            raise BridgeFull(headers={"Retry-After": str(wait)})
        look_up = partial(copy_context().run, self._look_up, credentials, question[1])
        loop = asyncio.get_running_loop()
        answer: _Answer = loop.run_in_executor(self._threads, look_up)
        self._asked[question] = answer

        def forget(done: _Answer) -> None:
            del self._asked[question]
            # Read, so that nobody complains of what nobody waited for.
            if not done.cancelled():
                done.exception()

        answer.add_done_callback(forget)
        return answer

    def _look_up(self, credentials: str, sender: str) -> KeyClaims | None:
        try:
            return self._remembered.look_up(credentials, sender)
        finally:
            let_go()
