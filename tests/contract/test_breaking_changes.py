"""What would break clients is found; what is only added passes."""

import copy
import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from opencore.describing.comparing import breaking_changes

Json = dict[str, Any]
PROMISED = Path(__file__).with_name("openapi-v1.json")
THING: Json = {
    "type": "object",
    "required": ["id", "kind"],
    "properties": {
        "id": {"type": "string", "format": "uuid"},
        "kind": {"type": "string", "enum": ["a", "b"]},
        "note": {"type": ["string", "null"]},
        "parts": {"type": "array", "items": {"$ref": "#/components/schemas/Part"}},
    },
}
NEW_THING: Json = {
    "type": "object",
    "required": ["kind"],
    "properties": {
        "kind": {"type": "string", "enum": ["a", "b"]},
        "size": {"type": "integer", "minimum": 1, "maximum": 9},
        "note": {"type": "string", "maxLength": 9},
    },
}
OLD: Json = {
    "paths": {
        "/things": {
            "post": {
                "operationId": "make_thing",
                "security": [{}],
                "parameters": [
                    {"name": "dry", "in": "query", "schema": {"type": "boolean"}}
                ],
                "requestBody": {
                    "content": {
                        "application/json": {
                            "schema": {"$ref": "#/components/schemas/NewThing"}
                        }
                    }
                },
                "responses": {
                    "201": {
                        "content": {
                            "application/json": {
                                "schema": {"$ref": "#/components/schemas/Thing"}
                            }
                        }
                    }
                },
            }
        }
    },
    "components": {
        "schemas": {
            "Thing": THING,
            "NewThing": NEW_THING,
            "Part": {"type": "object", "properties": {"n": {"type": "integer"}}},
        }
    },
}
NAME = "POST /things"


def changed(*path: str, to: object) -> Json:
    """Return the description with one part of it replaced."""
    new = copy.deepcopy(OLD)
    place: Any = new
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = to
    return new


def without(*path: str) -> Json:
    """Return the description without one part of it."""
    new = copy.deepcopy(OLD)
    place: Any = new
    for name in path[:-1]:
        place = place[name]
    del place[path[-1]]
    return new


def answered(*path: str) -> tuple[str, ...]:
    return ("components", "schemas", "Thing", *path)


def asked(*path: str) -> tuple[str, ...]:
    return ("components", "schemas", "NewThing", *path)


POST = ("paths", "/things", "post")
LIMIT = {"name": "limit", "in": "query", "schema": {"type": "integer"}}
DRY = OLD["paths"]["/things"]["post"]["parameters"][0]


@pytest.mark.parametrize(
    ("new", "sentences"),
    [
        (without("paths", "/things"), [f"{NAME} is gone."]),
        (without(*POST), [f"{NAME} is gone."]),
        (changed(*POST, "operationId", to="x"), [f"{NAME} has another operationId."]),
        (changed(*POST, "security", to=[{"k": []}]), [f"{NAME} asks for a token."]),
        (
            changed(*POST, "parameters", to=[DRY, {**LIMIT, "required": True}]),
            [f"{NAME} requires the parameter limit (query)."],
        ),
        (
            changed(*POST, "parameters", to=[{**DRY, "required": True}]),
            [f"{NAME} requires the parameter dry (query)."],
        ),
        (
            changed(*POST, "parameters", to=[]),
            [f"{NAME} takes the parameter dry (query) no more."],
        ),
        (
            changed(*POST, "parameters", to=[{**DRY, "schema": {"type": "integer"}}]),
            [f"{NAME} dry (query) was boolean and is integer."],
        ),
        (without(*POST, "requestBody"), [f"{NAME} takes no body any more."]),
        (
            changed(*POST, "requestBody", "required", to=True),
            [f"{NAME} requires a body."],
        ),
        (
            changed(*asked("required"), to=["kind", "size"]),
            [f"{NAME} body requires size."],
        ),
        (without(*asked("properties", "size")), [f"{NAME} body has no size any more."]),
        (
            changed(*asked("properties", "kind", "enum"), to=["a"]),
            [f"{NAME} body.kind is never b any more."],
        ),
        (
            changed(*asked("properties", "size", "maximum"), to=8),
            [f"{NAME} body.size has a smaller maximum."],
        ),
        (
            changed(*asked("properties", "size", "minimum"), to=2),
            [f"{NAME} body.size has a greater minimum."],
        ),
        (
            changed(*asked("properties", "note", "pattern"), to="^a"),
            [f"{NAME} body.note has another pattern."],
        ),
        (
            changed(*POST, "responses", to={"200": {}}),
            [f"{NAME} answers 201 no more."],
        ),
        (
            without(*answered("properties", "note")),
            [f"{NAME} 201 has no note any more."],
        ),
        (
            changed(*answered("required"), to=["id"]),
            [f"{NAME} 201 may come without kind."],
        ),
        (
            changed(*answered("properties", "id", "type"), to=["string", "null"]),
            [f"{NAME} 201.id was string and is null or string."],
        ),
        (
            changed(*answered("properties", "id", "format"), to="uri"),
            [f"{NAME} 201.id has another format."],
        ),
        (
            changed(*answered("properties", "kind", "enum"), to=["b", "c"]),
            [f"{NAME} 201.kind is never a any more."],
        ),
        (
            changed("components", "schemas", "Part", "properties", to={}),
            [f"{NAME} 201.parts[] has no n any more."],
        ),
    ],
)
def test_finds_what_breaks_clients(new: Json, sentences: list[str]) -> None:
    assert breaking_changes(OLD, new) == sentences


@pytest.mark.parametrize(
    "new",
    [
        OLD,
        changed("paths", "/others", to=OLD["paths"]["/things"]),
        changed("paths", "/things", "get", to=OLD["paths"]["/things"]["post"]),
        changed(*POST, "parameters", to=[DRY, LIMIT]),
        changed(*POST, "deprecated", to=True),
        changed(*asked("properties", "color"), to={"type": "string"}),
        changed(*asked("properties", "kind", "enum"), to=["a", "b", "c"]),
        changed(*asked("properties", "size", "maximum"), to=10),
        changed(*asked("properties", "note", "type"), to=["string", "null"]),
        changed(*asked("required"), to=[]),
        changed(*answered("properties", "color"), to={"type": "string"}),
        changed(*answered("required"), to=["id", "kind", "note"]),
        changed(*answered("properties", "note", "type"), to="string"),
        changed(*POST, "responses", "202", to={}),
    ],
)
def test_what_is_added_breaks_nobody(new: Json) -> None:
    assert breaking_changes(OLD, new) == []


def test_the_api_keeps_what_it_promised() -> None:
    out = StringIO()

    call_command("openapi", check=True, against=str(PROMISED), stdout=out)

    assert out.getvalue() == "Nothing breaks clients.\nopenapi.json is up to date.\n"


def broken_promise(folder: Path) -> Path:
    promised = json.loads(PROMISED.read_text())
    promised["paths"]["/v1/orgs"]["patch"] = promised["paths"]["/v1/orgs"]["get"]
    file = folder / "promised.json"
    file.write_text(json.dumps(promised))
    return file


def test_a_change_that_breaks_clients_is_said_and_refused(tmp_path: Path) -> None:
    said = StringIO()

    with pytest.raises(CommandError, match="1 changes break clients"):
        call_command("openapi", against=str(broken_promise(tmp_path)), stderr=said)

    assert "PATCH /v1/orgs is gone." in said.getvalue()


def test_a_page_that_is_not_up_to_date_is_refused(tmp_path: Path) -> None:
    page = tmp_path / "openapi.json"
    page.write_text("{}\n")

    with pytest.raises(CommandError, match="not up to date: run manage"):
        call_command("openapi", check=True, page=page)

    assert page.read_text() == "{}\n"


def test_writes_the_page_the_same_each_time(tmp_path: Path) -> None:
    one, other = tmp_path / "one.json", tmp_path / "other.json"

    call_command("openapi", page=one, stdout=StringIO())
    call_command("openapi", page=other, stdout=StringIO())

    assert one.read_text() == other.read_text()
    assert json.loads(one.read_text())["openapi"] == "3.1.1"


def test_a_revision_that_is_not_there_is_said() -> None:
    with pytest.raises(CommandError, match="no file and no revision v0-never"):
        call_command("openapi", against="v0-never")
