"""An operation that will go away says so, and is gone when it said."""

import json
import logging
from datetime import UTC, datetime

import pytest
from drf_spectacular.generators import SchemaGenerator
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from opencore.errors import Forbidden
from opencore.rest import deprecated_operation

SINCE = datetime(2026, 1, 1, tzinfo=UTC)
LATER = datetime(2048, 2, 29, 12, tzinfo=UTC)
LINK = "https://example.com/instead"
HEADERS = {
    "Deprecation": "@1767225600",
    "Link": f'<{LINK}>; rel="deprecation"; type="text/html"',
}


class OldView(APIView):
    """Something that will go away."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    @deprecated_operation(since=SINCE, sunset=LATER, link=LINK)
    def get(self, request: Request) -> Response:
        """Answer with a page."""
        return Response({}, headers={"Link": '</next>; rel="next"'})

    @deprecated_operation(since=SINCE, sunset=LATER, link=LINK)
    def post(self, request: Request) -> Response:
        """Refuse."""
        raise Forbidden

    @deprecated_operation(since=SINCE, sunset=SINCE, link=LINK)
    def put(self, request: Request) -> Response:
        """Answer no more."""
        return Response({})


def ask(method: str) -> Response:
    request = APIRequestFactory().generic(method, "/v1/old")
    response: Response = OldView.as_view()(request)
    return response


def test_each_answer_announces_the_end() -> None:
    response = ask("GET")

    assert response.status_code == 200
    assert response["Deprecation"] == HEADERS["Deprecation"]
    assert response["Sunset"] == "Sat, 29 Feb 2048 12:00:00 GMT"
    assert response["Link"] == f'</next>; rel="next", {HEADERS["Link"]}'


def test_a_refusal_announces_the_end_too() -> None:
    response = ask("POST")

    assert response.status_code == 403
    assert {name: response[name] for name in HEADERS} == HEADERS


def test_from_the_sunset_on_it_is_gone() -> None:
    response = ask("PUT")

    assert (response.status_code, json.loads(response.content)["code"]) == (410, "gone")
    assert {name: response[name] for name in HEADERS} == HEADERS


def test_each_use_is_written_down(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "opencore.rest.deprecation"):
        ask("GET")

    (record,) = caplog.records
    assert record.getMessage() == "deprecated operation used"
    assert record.__dict__["method"] == "GET"
    assert record.__dict__["route"] == "/v1/old"


def test_the_description_says_that_it_is_deprecated() -> None:
    generator = SchemaGenerator()  # type: ignore[no-untyped-call]  # -- drf-spectacular leaves it out
    view = generator.create_view(OldView.as_view(), "GET")  # type: ignore[no-untyped-call]  # -- as above

    assert view.schema.is_deprecated() is True
