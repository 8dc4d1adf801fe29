"""What can be wrong with a decision of an operator."""

from http import HTTPStatus

from opencore.problems.catalog.kind import ProblemKind

OF_OPERATING = (
    ProblemKind(
        "plan_token_invalid",
        HTTPStatus.BAD_REQUEST,
        "The plan token is not one that was given to this operator.",
        "Ask for a plan first, and send the token that comes with it.",
    ),
    ProblemKind(
        "plan_gone",
        HTTPStatus.CONFLICT,
        "The plan is too old, or was carried out already.",
        "Look whether it was carried out; otherwise ask for a new plan.",
    ),
    ProblemKind(
        "replay_ended",
        HTTPStatus.CONFLICT,
        "The replay has ended; nothing of it can be canceled.",
        "Nothing: look at what it did.",
    ),
    ProblemKind(
        "action_refused",
        HTTPStatus.CONFLICT,
        "The key or the topic is not in a state in which this can be done.",
        "Read the detail, look at the key, and decide anew.",
    ),
    ProblemKind(
        "reason_missing",
        HTTPStatus.BAD_REQUEST,
        "A decision of an operator came without a name or a reason.",
        "Say why; the reason is kept.",
    ),
    ProblemKind(
        "nothing_to_change",
        HTTPStatus.CONFLICT,
        "The gateway's route table is already as it was asked to be.",
        "Nothing.",
    ),
    ProblemKind(
        "table_moved",
        HTTPStatus.CONFLICT,
        "Another version of the gateway's route table was published meanwhile.",
        "Look at the latest version, and ask for a new plan.",
    ),
)
