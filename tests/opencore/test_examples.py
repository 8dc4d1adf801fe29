"""Each body in the API's description has an example that its own schema allows."""

from typing import Any

import jsonschema
import pytest
from drf_spectacular.generators import SchemaGenerator

from tests.opencore.test_openapi import operations

Json = dict[str, Any]
DESCRIBED: Json = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]  # -- drf-spectacular leaves it out
OPERATIONS = operations(DESCRIBED)


def bodies(operation: Json) -> list[Json]:
    """Return what the operation says of each JSON body."""
    each = [operation.get("requestBody", {}), *operation["responses"].values()]
    return [
        body["content"]["application/json"]
        for body in each
        if "application/json" in body.get("content", {})
    ]


def shown(body: Json) -> list[Any]:
    """Return the examples of a body."""
    if "example" in body:
        return [body["example"]]
    return [each["value"] for each in body.get("examples", {}).values()]


@pytest.mark.parametrize("name", OPERATIONS)
def test_each_body_has_an_example_that_fits(name: str) -> None:
    examples = [(body, shown(body)) for body in bodies(OPERATIONS[name])]

    assert [body for body, found in examples if not found] == []
    troubles = [
        error.message
        for body, found in examples
        for example in found
        for error in validator(body["schema"]).iter_errors(example)
    ]
    assert troubles == []


def validator(schema: Json) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(
        {**schema, "components": DESCRIBED["components"]},
        format_checker=jsonschema.FormatChecker(),
    )


def test_what_is_made_links_to_where_it_is_found() -> None:
    links = OPERATIONS["post /v1/orgs"]["responses"]["201"]["links"]

    assert links["read_organization"] == {
        "operationId": "read_organization",
        "parameters": {"organization_id": "$response.body#/id"},
    }


def test_a_condition_comes_with_the_answers_to_it() -> None:
    named = {
        name: {each["name"] for each in operation.get("parameters", ())}
        for name, operation in OPERATIONS.items()
    }
    silent = [
        name
        for name, operation in OPERATIONS.items()
        if ("If-Match" in named[name])
        != ({"412", "428"} <= operation["responses"].keys())
        or ("If-None-Match" in named[name]) != ("304" in operation["responses"])
    ]

    assert silent == []


def test_each_answer_names_the_version_that_answered() -> None:
    silent = [
        (name, status)
        for name, operation in OPERATIONS.items()
        for status, answer in operation["responses"].items()
        if "OpenCore-Version" not in answer["headers"]
    ]

    assert silent == []
