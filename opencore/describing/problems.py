"""Adds to the API's description what every operation may answer: a problem."""

from typing import Any

from opencore.problems import MEDIA_TYPE, PROBLEMS

PROBLEM: dict[str, Any] = {
    "type": "object",
    "description": "Why it did not work, by RFC 9457.",
    "required": [
        *("type", "title", "status", "detail", "code", "request_id", "retryable"),
    ],
    "properties": {
        "type": {
            "type": "string",
            "format": "uri",
            "description": "A page that says what the code means and what to do.",
        },
        "title": {"type": "string", "description": "The status in words."},
        "status": {"type": "integer", "description": "The status of the answer."},
        "detail": {"type": "string", "description": "What is wrong, for a person."},
        "code": {
            "type": "string",
            "enum": sorted(PROBLEMS),
            "description": "What is wrong, for a program.",
        },
        "request_id": {
            "type": "string",
            "description": "What operators find the request by.",
        },
        "instance": {"type": "string", "format": "uri"},
        "retryable": {
            "type": "string",
            "enum": ["no", "yes", "same_idempotency_key"],
            "description": "Whether sending it again may help, and is safe.",
        },
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "code", "detail"],
                "properties": {
                    "pointer": {
                        "type": "string",
                        "description": "The part of the request, by RFC 6901.",
                    },
                    "code": {"type": "string"},
                    "detail": {"type": "string"},
                },
            },
        },
    },
}
ANSWER = {
    "description": "A problem; Retry-After says when to come back, if that may help.",
    "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
}


def add_problems(
    result: dict[str, Any],
    generator: object,  # noqa: ARG001 -- the signature is drf-spectacular's
    request: object,  # noqa: ARG001 -- as above
    public: bool,  # noqa: ARG001 -- as above
) -> dict[str, Any]:
    """Let every operation say that all other answers are problems."""
    result.setdefault("components", {}).setdefault("schemas", {})["Problem"] = PROBLEM
    for methods in result["paths"].values():
        for operation in methods.values():
            operation["responses"]["default"] = ANSWER
    return result
