"""What the API streams to who does not wait for the end of it."""

import asyncio
from datetime import UTC, datetime
from typing import cast

import pytest
from django.utils import timezone

from accounts.models import DataRequest, User
from accounts.services.files import PART_BYTES, begin_file
from gateway_proxy.core.messages import AsyncBody, Outgoing
from gateway_proxy.streaming.bridge import Bridge
from opencore.tokens import mint_access
from tests.authorization.asking import Proof
from tests.authorization.things import session_of
from tests.lending import Lending

LATER = datetime(2048, 1, 1, tzinfo=UTC)


def download() -> Outgoing:
    """Return the request for a file of three pieces."""
    ada = User.objects.create(email="ada@example.com")
    file = begin_file(
        name="data.zip",
        media_type="application/zip",
        expires_at=LATER,
        user_id=ada.id,
    )
    file.write(bytes(3 * PART_BYTES))
    request = DataRequest.objects.create(
        user=ada,
        kind="export",
        status="done",
        requested_by=ada.id,
        not_before=LATER,
        due_at=LATER,
        file=file.finish(),
    )
    now = timezone.now()
    token = mint_access(
        user_id=ada.id,
        session_id=session_of(ada).id,
        role="user",
        now=now,
        proof=Proof(now),
    )
    return Outgoing(
        method="GET",
        path=f"/v1/users/me/data-requests/{request.id}/content",
        query="",
        headers=(("authorization", f"Bearer {token}"),),
        body=b"",
        scheme="http",
        host="localhost",
        peer="127.0.0.1",
    )


async def give_up(bridge: Bridge, request: Outgoing) -> None:
    """Ask and go away: once before the answer, once in the middle of it."""
    unheard = asyncio.ensure_future(bridge.send(request))
    await asyncio.sleep(0)
    unheard.cancel()
    answer = await bridge.send(request)
    assert answer.status == 200
    body = cast("AsyncBody", answer.body)
    await anext(aiter(body))
    await body.aclose()


@pytest.mark.django_db(transaction=True)
def test_who_gives_up_takes_no_connection_with_them() -> None:
    lending, request = Lending(), download()

    async def work() -> None:
        bridge = Bridge(threads=3, waiting=9)
        await asyncio.gather(*(give_up(bridge, request) for _ in range(5)))
        while bridge.taken:
            await asyncio.sleep(0.01)
        await bridge.close()

    with lending.watched():
        asyncio.run(asyncio.wait_for(work(), 20))

    assert lending.kept() == []
