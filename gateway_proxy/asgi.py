"""The gateway as an ASGI application, in front of Django in the same process."""

import logging
import time
from functools import lru_cache, partial

from django.conf import settings
from django.http.request import split_domain_port, validate_host

from gateway_proxy.core.errors import WebSocketNotSupported
from gateway_proxy.core.gateway import HELD_BODY, Gateway
from gateway_proxy.core.messages import AccessRecord, Answer
from gateway_proxy.standing import standing_headers
from gateway_proxy.streaming.answering import answer_of, send_answer, send_whole
from gateway_proxy.streaming.asking import Tell
from gateway_proxy.streaming.bridge import Bridge
from gateway_proxy.streaming.clients import ClientConnection
from gateway_proxy.streaming.gathering import Counter, Gathering
from gateway_proxy.streaming.receiving import (
    Arrival,
    Receive,
    Scope,
    Send,
    arrival_of,
)
from opencore.context import accepted_request_id, work_for
from opencore.draining import is_draining
from opencore.hosting import Host
from opencore.problems import problem_of

log = logging.getLogger(__name__)

LIVEZ = "/livez"
# Asked by probes, so they have threads of their own.
ASIDE = frozenset({"/readyz", "/startupz", "/metrics"})
_LIVES = Answer(
    200, "OK", (("content-type", "application/json"),), b'{"status": "alive"}'
)


class AsgiFront:
    """Answers the gateway's paths itself and hands all others to Django."""

    def __init__(
        self, gateway: Gateway, *, django: Bridge, aside: Bridge, counter: Counter
    ) -> None:
        self._gateway = gateway
        self.sight = Gathering(counter)
        self._django = django
        self._aside = aside
        # Read once: to ask Django's settings costs each request a microsecond.
        self._trusted = tuple(settings.TRUSTED_PROXIES)
        self._allowed = tuple(settings.ALLOWED_HOSTS)
        self._redirects = settings.SECURE_SSL_REDIRECT
        self._believed = _believed()
        self._standing = {
            secure: standing_headers(secure=secure) for secure in (True, False)
        }
        self._names_standing = {name for name, _ in self._standing[True]}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, refuse a socket, or follow the server's own life."""
        if scope["type"] == "http":
            arrival = arrival_of(scope, receive)
            await self.serve(arrival, partial(_send, send, arrival.method))
        elif scope["type"] == "websocket":
            await self._refuse_socket(scope, receive, send)
        else:
            await self._live(receive, send)

    def connection(self, host: Host) -> ClientConnection:
        """Return what speaks to one client, for a server that lets us speak."""
        return ClientConnection(self.serve, host)

    async def serve(self, arrival: Arrival, tell: Tell) -> None:
        """Answer a request."""
        request_id = accepted_request_id(arrival.header("x-request-id"))
        work_for(request_id=request_id)
        if arrival.path == LIVEZ:
            await tell(_LIVES, None)
            return
        scheme = arrival.scheme(self._believed)
        if self._is_for_django(arrival, scheme):
            await self._hand_over(arrival, tell, scheme, request_id)
        else:
            await self._forward(arrival, tell, scheme, request_id)

    def _is_for_django(self, arrival: Arrival, scheme: str) -> bool:
        redirected = self._redirects and scheme != "https"
        allowed = _is_allowed(arrival.header("host"), self._allowed)
        return redirected or not allowed or not self._gateway.serves(arrival.path)

    async def _forward(
        self, arrival: Arrival, tell: Tell, scheme: str, request_id: str
    ) -> None:
        began = time.monotonic()
        sight = self.sight
        sight.began()
        record = AccessRecord(method=arrival.method, request_id=request_id)
        status, size = 499, 0
        try:
            answer, gone = await self._answer(arrival, record, scheme)
            status = answer.status
            size = await tell(answer, gone)
        finally:
            seconds = time.monotonic() - began
            sight.finished(record, status=status, seconds=seconds, size=size)

    async def _answer(
        self, arrival: Arrival, record: AccessRecord, scheme: str
    ) -> tuple[Answer, Receive | None]:
        """Return the answer, and who can tell while it is sent that nobody waits."""
        gone = None
        try:
            request = arrival.incoming(
                scheme=scheme, request_id=record.request_id, trusted=self._trusted
            )
            if request.length is not None and request.length <= HELD_BODY:
                gone = arrival.receive
            answer = await self._gateway.forward(request, record)
        except Exception as error:  # noqa: BLE001 -- each is a problem to the client
            answer = _told(error, arrival, record)
        secure = scheme == "https"
        return self._surrounded(answer, arrival, record, secure=secure), gone

    async def _hand_over(
        self, arrival: Arrival, tell: Tell, scheme: str, request_id: str
    ) -> None:
        bridge = self._aside if arrival.path in ASIDE else self._django
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 0
        try:
            request = await arrival.outgoing(scheme=scheme, limit=limit)
            answer = await bridge.send(request)
        except Exception as error:  # noqa: BLE001 -- each is a problem to the client
            record = AccessRecord(method=arrival.method, request_id=request_id)
            answer = _told(error, arrival, record)
            secure = scheme == "https"
            answer = self._surrounded(answer, arrival, record, secure=secure)
        await tell(answer, arrival.receive)

    def _surrounded(
        self, answer: Answer, arrival: Arrival, record: AccessRecord, *, secure: bool
    ) -> Answer:
        """Return the answer with what every answer of the gateway carries."""
        dressed = self._gateway.dress(
            answer.headers, asked=arrival.headers, record=record
        )
        present = {name for name, _ in dressed}
        standing = self._standing[secure]
        if not present.isdisjoint(self._names_standing):
            standing = tuple([one for one in standing if one[0] not in present])
        headers = (*dressed, *standing, ("x-request-id", record.request_id))
        if is_draining():
            headers = (*headers, ("connection", "close"))
        return Answer(answer.status, answer.reason, headers, answer.body)

    async def _refuse_socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        if "websocket.http.response" not in scope.get("extensions", {}):
            await send({"type": "websocket.close", "code": 1008})
            return
        arrival = arrival_of(scope, receive)
        request_id = accepted_request_id(arrival.header("x-request-id"))
        record = AccessRecord(method=arrival.method, request_id=request_id)
        answer = _told(WebSocketNotSupported(), arrival, record)
        kind = "websocket.http.response"
        await send_whole(answer, send, method=arrival.method, kind=kind)

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.shutdown":
                self.sight.tell()
                await self._gateway.close()
                await self._django.close()
                await self._aside.close()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return


async def _send(send: Send, method: str, answer: Answer, gone: Receive | None) -> int:
    return await send_answer(answer, send, method=method, gone=gone)


def _believed() -> tuple[str, str] | None:
    header = settings.SECURE_PROXY_SSL_HEADER
    return None if header is None else _header_name(*header)


@lru_cache(maxsize=8)
def _header_name(name: str, value: str) -> tuple[str, str]:
    return name.removeprefix("HTTP_").replace("_", "-").lower(), value


@lru_cache(maxsize=256)
def _is_allowed(host: str, allowed: tuple[str, ...]) -> bool:
    domain, _ = split_domain_port(host)
    return bool(domain) and validate_host(domain, allowed)


def _told(error: Exception, arrival: Arrival, record: AccessRecord) -> Answer:
    problem = problem_of(error, method=arrival.method)
    record.code = problem.code
    if problem.code == "internal_error":
        log.error("request failed", exc_info=error, extra={"method": arrival.method})
    return answer_of(
        problem, request_id=record.request_id, public_url=settings.PUBLIC_URL
    )
