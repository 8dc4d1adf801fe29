"""The gateway as a view, for every way that Django can be served."""

import time
from collections.abc import Callable, Container, Iterable, Iterator
from http.cookies import Morsel
from typing import Any, cast

from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.permissions import AllowAny
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from gateway_proxy.blocking import run
from gateway_proxy.core.messages import AccessRecord, Answer
from gateway_proxy.front import current_gateway
from gateway_proxy.incoming import read_headers, read_incoming
from opencore.context import current_request_id
from opencore.problems import problem_of


class UpstreamNegotiates(BaseContentNegotiation):
    """Leaves media types to the upstream, which reads the same headers."""

    def select_parser(
        self,
        request: Request,  # noqa: ARG002 -- the signature is the framework's
        parsers: Iterable[BaseParser],
    ) -> BaseParser:
        """Return the first; no body is parsed here."""
        return next(iter(parsers))

    def select_renderer(
        self,
        request: Request,  # noqa: ARG002 -- the signature is the framework's
        renderers: Iterable[BaseRenderer],
        format_suffix: str | None = None,  # noqa: ARG002 -- the signature is the framework's
    ) -> tuple[BaseRenderer, str]:
        """Return the first; no answer is rendered here."""
        first = next(iter(renderers))
        return first, first.media_type or ""


class GatewayProxyView(APIView):
    """Forwards what may pass; tokens and limits are the gateway's own matter."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    content_negotiation_class = UpstreamNegotiates
    schema = None

    @property
    def default_response_headers(self) -> dict[str, str]:
        """Return none: the upstream's own Allow and Vary are the true ones."""
        return {}

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Begin what the log line will say."""
        self.began = time.monotonic()
        self.record = AccessRecord(
            method=request.method or "", request_id=current_request_id() or ""
        )
        current_gateway().sight.began()
        super().initial(request, *args, **kwargs)

    def forward(self, request: Request, **_kwargs: object) -> HttpResponseBase:
        """Answer with what the upstream said."""
        incoming = read_incoming(request._request)
        answer = run(current_gateway().forward(incoming, self.record))
        return response_of(answer)

    get = head = post = put = patch = delete = forward
    options = forward  # type: ignore[assignment]  # -- it answers with any response
    # The gateway itself refuses, in its own words.
    http_method_not_allowed = forward  # type: ignore[assignment]  # -- as above

    def finalize_response(
        self,
        request: Request,
        response: Response,
        *args: Any,
        **kwargs: Any,
    ) -> Response:
        """Tell the client its limits, and the log what happened."""
        final = super().finalize_response(request, response, *args, **kwargs)
        dressed = current_gateway().dress(
            tuple((name.lower(), value) for name, value in final.items()),
            asked=read_headers(request._request),
            record=self.record,
        )
        for name in list(final.headers):
            del final[name]
        for name, value in dressed:
            final[name.title()] = value
        self._finish(final)
        return final

    def handle_exception(self, exc: Exception) -> Response:
        """Answer with a problem, and note which."""
        self.record.code = problem_of(exc, method=self.record.method).code
        return super().handle_exception(exc)

    def _finish(self, final: HttpResponseBase) -> None:
        def finished(size: int) -> None:
            seconds = time.monotonic() - self.began
            current_gateway().sight.finished(
                self.record, status=final.status_code, seconds=seconds, size=size
            )

        if isinstance(final, StreamingHttpResponse):
            final.streaming_content = Measured(final.streaming_content, finished)
        else:
            finished(len(cast("HttpResponse", final).content))


class Measured:
    """A body on its way; when it is closed, its size is told."""

    def __init__(self, body: Any, told: Callable[[int], None]) -> None:  # noqa: ANN401 -- any iterable that Django takes
        self._body = body
        self._told = told
        self._size = 0

    def __iter__(self) -> Iterator[bytes]:
        """Yield the chunks."""
        for chunk in self._body:
            self._size += len(chunk)
            yield chunk

    def close(self) -> None:
        """Let go."""
        try:
            getattr(self._body, "close", lambda: None)()
        finally:
            self._told(self._size)


class VerbatimCookie(Morsel[str]):
    """A Set-Cookie line that leaves as it came."""

    def __init__(self, line: str) -> None:
        super().__init__()
        self._line = line

    def output(self, attrs: Container[str] | None = None, header: str = "") -> str:  # noqa: ARG002 -- the signature is Python's
        """Return the line."""
        return f"{header} {self._line}".strip()

    def OutputString(self, attrs: Container[str] | None = None) -> str:  # noqa: N802, ARG002 -- the signature is Python's
        """Return the line."""
        return self._line


def response_of(answer: Answer) -> HttpResponseBase:
    """Return an upstream's answer as Django's; a body on its way stays a stream."""
    kind = HttpResponse if isinstance(answer.body, bytes) else StreamingHttpResponse
    response: HttpResponseBase = kind(
        answer.body, status=answer.status, reason=answer.reason
    )
    # Whatever it says, it is not this project's to say again.
    response.is_from_upstream = True  # type: ignore[attr-defined]  # -- for the middleware
    # Django's own default, where the upstream named no type.
    del response["Content-Type"]
    for name, value in answer.headers:
        if name == "set-cookie":
            _add_cookie(response, value)
        elif name in response:
            response[name] = f"{response[name]}, {value}"
        else:
            # The parts of a name in capitals, as servers of threads write them.
            response[name.title()] = value
    return response


def _add_cookie(response: HttpResponseBase, line: str) -> None:
    # Two lines may set one name for different paths, so the name is not the key.
    response.cookies[f"verbatim{len(response.cookies)}"] = VerbatimCookie(line)
