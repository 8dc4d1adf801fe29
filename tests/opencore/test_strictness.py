"""Bodies are read as they are: no value is made another, and the description says so."""

import json
from typing import Any, ClassVar

import pytest
from drf_spectacular.openapi import AutoSchema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from opencore.errors import ValidationFailed
from opencore.rest import (
    StrictJSONParser,
    StrictSerializer,
    Text,
    WholeNumber,
    read_body,
)


class Thing(StrictSerializer):
    """What is asked."""

    exactly_one: ClassVar[tuple[str, ...]] = ("truth", "number", "fraction")

    truth = serializers.BooleanField(required=False)
    number = WholeNumber(required=False)
    fraction = serializers.FloatField(required=False)
    thing_id = serializers.UUIDField(required=False, allow_null=True)
    at = serializers.DateTimeField(required=False)
    kind = serializers.ChoiceField(["1", "2"], required=False)
    name = Text(required=False, allow_blank=True)
    names = serializers.ListField(child=serializers.CharField(), required=False)
    inner = serializers.DictField(child=serializers.CharField(), required=False)


def read(**body: object) -> dict[str, Any]:
    # Not by the framework's renderer, which can't write all that is refused here.
    text = json.dumps(body)
    request = APIRequestFactory().post("/", text, content_type="application/json")
    return read_body(Thing, Request(request, parsers=[StrictJSONParser()]))


UNLIKE: list[tuple[str, object]] = [
    *(("truth", value) for value in ("true", "t", 1, 0.0)),
    *(("number", value) for value in ("1", True, 1.5)),
    *(("fraction", value) for value in ("1.5", False)),
    ("thing_id", 1),
    ("thing_id", "018f2f6e7b1c7c3a9a4e2f1d3c5b7a90"),
    ("thing_id", "{018f2f6e-7b1c-7c3a-9a4e-2f1d3c5b7a90}"),
    *(("at", value) for value in ("2028-02-29T12:00:00", "2028-02-29", 1)),
    ("at", "2028-02-29 noon"),
    ("kind", 1),
    ("name", 1),
    ("name", True),
    ("names", ["Ada", 1]),
]


@pytest.mark.parametrize(("field", "value"), UNLIKE, ids=repr)
def test_what_would_have_to_be_made_another_value_is_refused(
    field: str, value: object
) -> None:
    with pytest.raises(ValidationFailed) as refusal:
        read(**{field: value})

    assert [(error.pointer, error.code) for error in refusal.value.errors] == [
        ("/names/1" if field == "names" else f"/{field}", "wrong_type")
    ]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("half \ud83d of a face", "surrogate_characters_not_allowed"),
        ("\x00", "null_characters_not_allowed"),
    ],
    ids=["half a character", "a zero"],
)
def test_what_can_not_be_stored_is_no_text(text: str, code: str) -> None:
    with pytest.raises(ValidationFailed) as refusal:
        read(name=text)

    assert [(error.pointer, error.code) for error in refusal.value.errors] == [
        ("/name", code)
    ]
    assert read(name="a whole \N{GRINNING FACE}")["name"] == "a whole \N{GRINNING FACE}"


def test_what_is_as_it_shall_be_is_read() -> None:
    found = read(
        number=3.0,
        thing_id="018F2F6E-7B1C-7C3A-9A4E-2F1D3C5B7A90",
        at="2028-02-29T12:00:00.5+01:00",
        kind="2",
        name="",
        names=["Ada"],
    )

    assert (found["number"], type(found["number"])) == (3, int)
    assert found["at"].isoformat() == "2028-02-29T11:00:00.500000+00:00"
    assert str(found["thing_id"]) == "018f2f6e-7b1c-7c3a-9a4e-2f1d3c5b7a90"
    assert read(thing_id=None) == {"thing_id": None}


def test_the_description_says_what_is_refused() -> None:
    describing = AutoSchema()
    describing.view = APIView(request=None)
    schema = describing._map_serializer(Thing(), "request")  # type: ignore[no-untyped-call]  # -- drf-spectacular leaves it out

    assert schema["additionalProperties"] is False
    assert schema["oneOf"] == [
        {"required": [name]} for name in ("truth", "number", "fraction")
    ]
    assert schema["properties"]["name"]["pattern"] == r"^[^\u0000]*$"
    assert schema["properties"]["names"]["items"]["pattern"].startswith(
        r"^[^\u0000]*[^"
    )
