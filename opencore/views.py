"""Pages of the project itself: problems, the API's description, unknown paths."""

import sys

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils.html import escape
from drf_spectacular.views import SpectacularJSONAPIView, SpectacularSwaggerView
from rest_framework.permissions import AllowAny

from opencore.problems import PROBLEMS, ProblemKind, answer, problem_response
from opencore.problems.answering import named, problem_of_status
from opencore.tokens import own_key_set

# Others may keep the keys so long; publish a key for longer before signing with it.
KEYS_MAX_AGE = 300


class Schema(SpectacularJSONAPIView):
    """Describes the API in OpenAPI 3.1."""

    authentication_classes = ()
    permission_classes = (AllowAny,)


class Docs(SpectacularSwaggerView):
    """Shows the API's description in a browser."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    url_name = "openapi"


def show_docs_script(_: HttpRequest) -> HttpResponse:
    """Start the browser's view; a script of its own, so that none stands inline."""
    return HttpResponse("", content_type="text/javascript")


def show_problem(request: HttpRequest, code: str) -> HttpResponse:
    """Say what a problem's code means and what to do about it."""
    kind = PROBLEMS.get(code)
    if kind is None:
        raise Http404
    if "text/html" in request.headers.get("Accept", ""):
        return HttpResponse(_page(kind))
    return JsonResponse(
        {
            "code": kind.code,
            "status": kind.status,
            "meaning": kind.meaning,
            "remedy": kind.remedy,
        }
    )


def show_keys(_: HttpRequest) -> HttpResponse:
    """Show with what others can verify our tokens, if we sign with pairs of keys."""
    keys = own_key_set()
    if not keys:
        raise Http404
    return JsonResponse(
        {"keys": keys},
        content_type="application/jwk-set+json",
        headers={"Cache-Control": f"public, max-age={KEYS_MAX_AGE}"},
    )


def refuse_forged_form(request: HttpRequest, reason: str = "") -> HttpResponse:  # noqa: ARG001 -- the signature is Django's
    """Answer a form that did not come from a page of this site."""
    return problem_response(named("csrf_failed"), request)


def answer_bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer what the framework refused."""
    return answer(exception, request)


def answer_forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer what the framework did not permit."""
    return answer(exception, request)


def answer_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer what the framework did not find."""
    return answer(exception, request)


def answer_internal_error(request: HttpRequest) -> HttpResponse:
    """Answer what was raised outside of a view."""
    error = sys.exc_info()[1]
    if error is None:
        return problem_response(
            problem_of_status(500, method=request.method or "GET"), request
        )
    return answer(error, request)


def _page(kind: ProblemKind) -> str:
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8">'
        f"<title>{escape(kind.code)}</title><main><h1>{escape(kind.code)}</h1>"
        f"<p>{kind.status.value} {kind.status.phrase}</p>"
        f"<p>{escape(kind.meaning)}</p><p>{escape(kind.remedy)}</p></main></html>"
    )
