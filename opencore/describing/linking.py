"""Says in the API's description where what was made is found again."""

import re
from typing import Any

from opencore.describing.resolving import resolved

Json = dict[str, Any]
MADE = ("201", "202")


def add_links(paths: Json, schemas: Json) -> None:
    """Link each operation that makes a thing to those that name it in their path."""
    for path, methods in paths.items():
        operation = methods.get("post", {})
        for status in MADE:
            answer = operation.get("responses", {}).get(status)
            if answer is not None and _has_id(answer, schemas):
                links = _links(path, paths)
                if links:
                    answer["links"] = links


def _has_id(answer: Json, schemas: Json) -> bool:
    schema = answer.get("content", {}).get("application/json", {}).get("schema", {})
    return "id" in resolved(schema, schemas).get("properties", {})


def _links(path: str, paths: Json) -> Json:
    below = re.compile(rf"{re.escape(path)}/\{{(\w+_id)\}}(/[a-z-]+)*")
    known = re.findall(r"\{(\w+)\}", path)
    return {
        operation["operationId"]: {
            "operationId": operation["operationId"],
            "parameters": {
                **{name: f"$request.path.{name}" for name in known},
                match[1]: "$response.body#/id",
            },
        }
        for other, methods in paths.items()
        if (match := below.fullmatch(other))
        for operation in methods.values()
    }
