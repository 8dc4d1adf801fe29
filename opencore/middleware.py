"""What surrounds every request: its id, our version, and a problem for whatever goes wrong."""

from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import cast

from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from opencore import __version__
from opencore.brakes import sender_address
from opencore.context import Device, accepted_request_id, working_for
from opencore.problems import MEDIA_TYPE, answer, is_page, problem_response
from opencore.problems.answering import problem_of_status
from opencore.tenancy import Tenancy, confined, current_tenancy

GetResponse = Callable[[HttpRequest], HttpResponseBase]
REQUEST_ID = "X-Request-Id"
LONGEST_USER_AGENT = 256
API = "/v1/"


class RequestIdMiddleware:
    """Gives each request an id, or keeps the caller's, and sends it back."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer the request under its id."""
        request_id = accepted_request_id(request.headers.get(REQUEST_ID))
        device = Device(
            ip=address_or_none(request),
            user_agent=user_agent_of(request),
        )
        with working_for(request_id=request_id, device=device):
            response = self.get_response(request)
        response[REQUEST_ID] = request_id
        # What the gateway hands on is not our API's, and both its fronts answer alike.
        if request.path_info.startswith(API):
            response["OpenCore-Version"] = __version__
        return response


def address_or_none(request: HttpRequest) -> str | None:
    """Return the address that a request came from, if it has one."""
    address = sender_address(request)
    return None if address == "unknown" else address


def user_agent_of(request: HttpRequest) -> str:
    """Return what the client calls itself, as Postgres can keep it."""
    named = request.headers.get("User-Agent", "").replace("\x00", "")
    return named[:LONGEST_USER_AGENT]


class ProblemMiddleware:
    """Lets nothing but problems leave where something went wrong."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer the request; errors that Django wrote itself are said again."""
        try:
            request.get_host()
        except DisallowedHost as error:
            return answer(error, request)
        return _as_problem(self.get_response(request), request)

    def process_exception(
        self, request: HttpRequest, exception: Exception
    ) -> HttpResponse:
        """Answer what a view raised, before a page of Django's does."""
        return answer(exception, request)


class TenancyMiddleware:
    """Lets requests to the API touch no rows but of those whom they may touch."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer the request within its own tenancy."""
        if not _is_of_tenants(request.path_info):
            return self.get_response(request)
        with confined():
            response = self.get_response(request)
            return _within(current_tenancy(), response)


def _is_of_tenants(path: str) -> bool:
    # What operators do concerns all tenants.
    return path.startswith(API) and not path.startswith(f"{API}ops/")


def _within(tenancy: Tenancy | None, response: HttpResponseBase) -> HttpResponseBase:
    # A body on its way may still ask the database when the request is over.
    from_upstream = getattr(response, "is_from_upstream", False)
    if isinstance(response, StreamingHttpResponse) and not from_upstream:
        chunks = cast("Iterator[bytes]", response.streaming_content)
        response.streaming_content = _chunks_within(tenancy, chunks)
    return response


def _chunks_within(tenancy: Tenancy | None, chunks: Iterator[bytes]) -> Iterator[bytes]:
    while True:
        with confined(tenancy):
            chunk = next(chunks, None)
        if chunk is None:
            return
        yield chunk


def _as_problem(response: HttpResponseBase, request: HttpRequest) -> HttpResponseBase:
    ours = response.get("Content-Type", "").startswith((MEDIA_TYPE, "application/json"))
    if (
        response.status_code < HTTPStatus.BAD_REQUEST
        or ours
        or response.streaming
        or getattr(response, "is_from_upstream", False)
        or is_page(request)
    ):
        return response
    problem = problem_of_status(response.status_code, method=request.method or "GET")
    said_again = problem_response(problem, request)
    for name in ("Allow", "Retry-After", "WWW-Authenticate"):
        if name in response:
            said_again[name] = response[name]
    return said_again
