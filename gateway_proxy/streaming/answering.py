"""Gives answers to an ASGI server."""

import asyncio
from collections.abc import Coroutine
from typing import Any, cast

from gateway_proxy.core.messages import Answer, AsyncBody, Headers
from gateway_proxy.streaming.receiving import Receive, Send
from opencore.problems import MEDIA_TYPE, Problem

WITHOUT_BODY = frozenset({204, 304})


def answer_of(problem: Problem, *, request_id: str, public_url: str) -> Answer:
    """Return a problem as an answer."""
    headers: Headers = (
        *((name.lower(), value) for name, value in problem.headers.items()),
        ("content-type", MEDIA_TYPE),
        ("cache-control", "no-store"),
    )
    body = problem.to_json(request_id=request_id, public_url=public_url)
    return Answer(int(problem.status), problem.title, headers, body)


async def send_answer(
    answer: Answer, send: Send, *, method: str, gone: Receive | None = None
) -> int:
    """Send an answer, and return the bytes of its body that were sent.

    A stream ends when its client is gone, if `gone` can tell.
    """
    if isinstance(answer.body, bytes):
        await send_whole(answer, send, method=method)
        return 0 if method == "HEAD" else len(answer.body)
    body = cast("AsyncBody", answer.body)
    try:
        await send(_start(answer.status, answer.headers))
        if gone is None:
            return await _pump(body, send)
        return await until_gone(gone, _pump(body, send))
    finally:
        await body.aclose()


async def send_whole(
    answer: Answer, send: Send, *, method: str, kind: str = "http.response"
) -> None:
    """Send an answer that is there already."""
    body = cast("bytes", answer.body)
    headers = answer.headers
    if answer.status not in WITHOUT_BODY and not _has_length(headers):
        headers = (*headers, ("content-length", str(len(body))))
    await send(_start(answer.status, headers, kind))
    await send({"type": f"{kind}.body", "body": b"" if method == "HEAD" else body})


async def _pump(body: AsyncBody, send: Send) -> int:
    size = 0
    async for chunk in body:
        size += len(chunk)
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b""})
    return size


async def until_gone(gone: Receive, pump: Coroutine[Any, Any, int]) -> int:
    """Return how much was sent, by what is broken off once nobody waits for it."""
    pumping = asyncio.ensure_future(pump)
    leaving = asyncio.ensure_future(_leave(gone))
    try:
        await asyncio.wait({pumping, leaving}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        leaving.cancel()
        if not pumping.done():
            pumping.cancel()
            await asyncio.wait({pumping})
    return 0 if pumping.cancelled() else pumping.result()


async def _leave(gone: Receive) -> None:
    while (await gone())["type"] != "http.disconnect":
        continue


def _has_length(headers: Headers) -> bool:
    return any(name == "content-length" for name, _ in headers)


def _start(
    status: int, headers: Headers, kind: str = "http.response"
) -> dict[str, object]:
    return {
        "type": f"{kind}.start",
        "status": status,
        "headers": [
            (name.encode("latin-1"), value.encode("latin-1")) for name, value in headers
        ],
    }
