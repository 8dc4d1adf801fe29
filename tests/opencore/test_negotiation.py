"""An answer has the form that was asked for, as the framework would choose it."""

from collections.abc import Sequence
from typing import Any, NoReturn

import pytest
from django.http import Http404
from rest_framework.exceptions import NotAcceptable
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer, JSONRenderer, StaticHTMLRenderer
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from opencore.rest.negotiation import QuickNegotiation

ONLY = [JSONRenderer()]
BOTH = [JSONRenderer(), StaticHTMLRenderer()]
ASKED = [
    None,
    "",
    "*/*",
    "application/json",
    "application/*",
    "application/json; indent=4",
    "text/html",
    "text/html, */*;q=0.1",
    "image/png",
    "no type",
]


def chosen(
    negotiation: DefaultContentNegotiation,
    renderers: Sequence[BaseRenderer],
    accept: str | None,
    query: str,
) -> Any:  # noqa: ANN401 -- what is chosen, or why nothing is
    headers = {} if accept is None else {"Accept": accept}
    request = Request(APIRequestFactory().get(f"/{query}", headers=headers))
    try:
        return negotiation.select_renderer(request, renderers)
    except (NotAcceptable, Http404) as refusal:
        return type(refusal)


@pytest.mark.parametrize("query", ["", "?limit=1", "?format=json", "?format=xml"])
@pytest.mark.parametrize("accept", ASKED, ids=repr)
@pytest.mark.parametrize("renderers", [ONLY, BOTH], ids=["one", "two"])
def test_what_is_chosen_is_what_the_framework_chooses(
    renderers: list[BaseRenderer], accept: str | None, query: str
) -> None:
    ours = chosen(QuickNegotiation(), renderers, accept, query)

    assert ours == chosen(DefaultContentNegotiation(), renderers, accept, query)


@pytest.mark.parametrize("accept", [None, "*/*", "application/json"], ids=repr)
def test_where_there_is_nothing_to_choose_nothing_is_weighed(
    accept: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def weigh(*_: object) -> NoReturn:
        raise AssertionError("the framework was asked")

    monkeypatch.setattr(DefaultContentNegotiation, "select_renderer", weigh)

    assert chosen(QuickNegotiation(), ONLY, accept, "?limit=1") == (
        ONLY[0],
        "application/json",
    )
