"""What operators read: bytes as text, states as sentences."""

import json
from datetime import datetime
from typing import Any

from django.utils.html import format_html
from django.utils.safestring import SafeString

from outbox.backlog import RELAY


def pretty(payload: bytes | memoryview) -> SafeString:
    """Return a payload as indented JSON, or as what it is if it is none."""
    raw = bytes(payload)
    try:
        text = json.dumps(json.loads(raw), indent=2, ensure_ascii=False)
    except ValueError:
        text = raw.decode(errors="backslashreplace")
    return preformatted(text)


def preformatted(text: str) -> SafeString:
    """Return text with its line breaks and spaces as they are."""
    return format_html('<pre class="outbox-text">{}</pre>', text)


def identifier(text: object) -> SafeString:
    """Return an id or a key on one line."""
    return format_html('<span class="outbox-id">{}</span>', text)


def short(name: str) -> str:
    """Return a type or topic without what all of ours begin with."""
    return name.removeprefix("opencore.")


def moment(time: datetime | None) -> str:
    """Return a time to the second, in UTC."""
    return "" if time is None else f"{time:%Y-%m-%d %H:%M:%S} UTC"


def explain_event(row: Any, *, now: datetime) -> str:  # noqa: ANN401 -- a row with what `with_reasons` adds
    """Say in a sentence why this event still waits."""
    if row.hold_since is not None and row.hold_event_id != row.event_id:
        return _behind(row)
    if row.paused_since is not None:
        return (
            f"Its topic is paused since {moment(row.paused_since)}: {row.paused_reason}"
        )
    if row.available_at is not None and row.available_at > now:
        return (
            f"Attempt {row.attempts} failed; the next is at {moment(row.available_at)}."
        )
    if row.lane_owner and row.lane_until > now:
        return f"Due: {row.lane_owner} sends it with its next batch."
    return f"Due, but no relay serves lane {row.lane}: does one run?"


def explain_message(row: Any, *, now: datetime) -> str:  # noqa: ANN401 -- a row with what `with_reasons` adds
    """Say in a sentence why this message still waits."""
    if row.hold_since is not None and row.hold_event_id != row.event_id:
        return _behind(row)
    if row.hold_resume_at is not None and row.hold_resume_at > now:
        return (
            f"Attempt {row.attempts} failed; the next is at"
            f" {moment(row.hold_resume_at)}."
        )
    if row.hold_since is not None and row.hold_resume_at is None:
        return f"Its key is held since {moment(row.hold_since)}: {row.hold_reason}"
    return f"Due: {row.consumer} handles it when it is first of its key."


def explain_hold(row: Any) -> str:  # noqa: ANN401 -- a row with what `with_letters` adds
    """Say in a sentence what this key waits for."""
    if row.letter_id is not None:
        return "Waits until its dead letter is replayed or discarded."
    if row.resume_at is not None:
        return f"Its first event is tried again at {moment(row.resume_at)}."
    if row.event_id is None:
        return "Waits until somebody releases it."
    who = "the relay" if row.scope == RELAY else row.scope
    return f"Waits until {who} is done with its first event."


def _behind(row: Any) -> str:  # noqa: ANN401 -- as above
    if row.hold_event_id is None:
        return f"Its key is held since {moment(row.hold_since)}: {row.hold_reason}"
    return (
        f"Waits behind event {row.hold_event_id} since {moment(row.hold_since)}:"
        f" {row.hold_reason}"
    )
