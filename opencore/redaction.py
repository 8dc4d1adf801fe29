"""Takes secrets and people's addresses out of what is logged."""

import re
from collections.abc import Mapping

HIDDEN = "[hidden]"
_SECRET_NAMES = re.compile(
    r"authorization|cookie|token|password|secret|pepper|sealed|otp|e?mail|recipient"
    r"|(signing|sealing|private|api|idempotency)_?keys?|^code$",
    re.IGNORECASE,
)
_PATTERNS = (
    # Tokens of three parts, as JWT has them.
    re.compile(r"eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"),
    re.compile(r"(?i)(?<=bearer )\S+"),
    # The token of an invitation's link.
    re.compile(r"\boci_[\w-]{8,}"),
    re.compile(r"ock_[0-9A-Za-z]{12}_[0-9A-Za-z]+"),
    re.compile(r"[\w.+-]+@[\w-]+(\.[\w-]+)+"),
    # The password inside a URL.
    re.compile(r"(?<=://)[^/\s:@]*:[^/\s@]+(?=@)"),
)


def redact(name: str, value: object) -> object:
    """Return the value as it may be logged under this name."""
    if isinstance(value, Mapping):
        return {str(inner): redact(str(inner), item) for inner, item in value.items()}
    if isinstance(value, list | tuple):
        return [redact(name, item) for item in value]
    if _SECRET_NAMES.search(name):
        return HIDDEN
    return redact_text(value) if isinstance(value, str) else value


def redact_text(text: str) -> str:
    """Return the text without what looks like a token, an address or a password."""
    for pattern in _PATTERNS:
        text = pattern.sub(HIDDEN, text)
    return text
