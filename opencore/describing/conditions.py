"""What an operation answers if it is asked for a version, or meant for one."""

from typing import Any

from opencore.describing.problems import ANSWER

ETAG = {
    "description": "Names this version of the thing.",
    "schema": {"type": "string"},
}


def add_conditions(operation: dict[str, Any]) -> None:
    """Describe 304, 412, 428 and ETag where the operation takes such conditions."""
    named = {each["name"] for each in operation.get("parameters", ())}
    answers = operation["responses"]
    if named & {"If-Match", "If-None-Match"} and "200" in answers:
        answers["200"].setdefault("headers", {})["ETag"] = ETAG
    if "If-None-Match" in named:
        answers["304"] = {
            "description": "It is still the version that you have.",
            "headers": {"ETag": ETAG},
        }
    if "If-Match" in named:
        answers["412"] = {**ANSWER, "description": "It was changed meanwhile."}
        answers["428"] = {**ANSWER, "description": "If-Match is missing."}
