"""What a description can't say of a request: refusals that need to know more.

Schemathesis expects that a request is accepted if its description allows it. These are
the refusals of such requests that are right, each with what would have to be known. It
also expects that what was deleted is gone, and that nothing but what was just made is
missing where there is a 404.
"""

import json
from dataclasses import dataclass
from typing import Any

from schemathesis.core.failures import Failure
from schemathesis.core.transport import Response
from schemathesis.generation.case import Case
from schemathesis.openapi.checks import (
    EnsureResourceAvailability,
    RejectedPositiveData,
    UseAfterFree,
)


@dataclass(frozen=True, slots=True)
class Beyond:
    """A refusal, by its code or the code and place of an error in it."""

    code: str
    # What would have to be known.
    knowing: str
    pointer: str = ""
    # Only of bodies that have this member.
    given: str = ""

    def is_met(self, problem: dict[str, object], case: Case[Any]) -> bool:
        """Tell whether a problem is this refusal."""
        if self.given and self.given not in _members(case):
            return False
        if not self.pointer:
            return problem["code"] == self.code
        errors = problem.get("errors", [])
        assert isinstance(errors, list)
        return any(
            error["code"] == self.code and error["pointer"].startswith(self.pointer)
            for error in errors
        )


BEYOND = (
    Beyond("cursor_mismatch", "which cursors were given out"),
    Beyond("code_invalid", "which code was sent"),
    Beyond("code_expired", "when it was sent"),
    Beyond("invitation_expired", "when somebody was invited"),
    Beyond("precondition_failed", "which version there is"),
    Beyond("idempotency_mismatch", "what was asked with this key before"),
    Beyond(
        "idempotency_key_required", "that a decision needs a key", given="plan_token"
    ),
    Beyond("plan_token_invalid", "which plans were given out", given="plan_token"),
    Beyond("validation_error", "what a route table may hold", given="change"),
    Beyond("invalid", "how a text lists values", pointer="/filters/action"),
    Beyond("not_a_network", "how networks are written", pointer="/networks/"),
    Beyond("unknown_user", "who there is", pointer="/"),
    Beyond("is_owner", "who owns an organization", pointer="/user_id"),
    Beyond("required", "whether a code was mailed", pointer="/challenge_id"),
    Beyond("unknown_member", "who is a member", pointer="/user_id"),
    Beyond("unknown", "which dead letters there are", pointer="/selection/ids"),
    Beyond("unknown", "which zones the server's files name", pointer="/time_zone"),
    Beyond("out_of_range", "what time it is", pointer="/period_end"),
    Beyond("past", "what time it is", pointer="/expires_at"),
)


# Operations after which there still is what they ended.
KEPT = {
    "DELETE /v1/users/me/data-requests/{request_id}": "it is seen that it was cancelled",
}

# Operations that end what they made before, where it was not confirmed yet.
REPLACED = {
    "POST /v1/users/me/authenticators": "that another one was begun meanwhile",
}

# Operations on what not all that is made has.
LACKING = {
    "GET /v1/users/me/data-requests/{request_id}/content": "that no erasure has a copy",
}


def is_beyond_description(
    failure: Failure, case: Case[Any], response: Response
) -> bool:
    """Tell whether a request was refused for what no description can say."""
    if isinstance(failure, UseAfterFree):
        return failure.operation in KEPT
    if isinstance(failure, EnsureResourceAvailability):
        return (
            _names_others(case)
            or failure.created_with in REPLACED
            or failure.not_available_with in LACKING
        )
    if not isinstance(failure, RejectedPositiveData):
        return False
    try:
        problem = json.loads(response.content or b"")
    except ValueError:
        return False
    return any(each.is_met(problem, case) for each in BEYOND)


def _names_others(case: Case[Any]) -> bool:
    # What was made is there, but not what else the request names.
    named = [*case.path_parameters, *_members(case)]
    return len([name for name in named if name.endswith("_id")]) > 1


def _members(case: Case[Any]) -> set[str]:
    return set(case.body) if isinstance(case.body, dict) else set()
