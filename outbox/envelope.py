"""CloudEvents 1.0 in structured JSON, as stored, sent and read."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any
from uuid import UUID

import orjson
from django.conf import settings

from opencore.events import CATALOGUE, Event, EventDataInvalid

CONTENT_TYPE = "application/cloudevents+json; charset=UTF-8"


class EnvelopeInvalid(ValueError):
    """The bytes are not one of our CloudEvents."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """An event with its identity: who said it, when, about what, because of what."""

    event_id: UUID
    source: str
    occurred_at: datetime
    event: Event
    request_id: str | None = None
    causation_id: UUID | None = None


def source_of(event_type: str) -> str:
    """Return the absolute URI of the part of this deployment that says such events."""
    return _source(settings.EVENT_SOURCE, event_type)


def subject_of(event_type: str, key: str) -> str:
    """Return what an event of this type and key is about; never personal data."""
    return _subject(event_type) + key


def to_bytes(envelope: Envelope) -> bytes:
    """Return the final JSON text; what is stored here is what Kafka gets.

    Raises EventDataInvalid for what no reader could take: a number of more than 64
    bits, half a character.
    """
    return encode(
        envelope.event,
        str(envelope.event.key),
        event_id=envelope.event_id,
        source=envelope.source,
        occurred_at=envelope.occurred_at.astimezone(UTC),
        request_id=envelope.request_id,
        causation_id=envelope.causation_id,
    )


def encode(
    event: Event,
    key: str,
    *,
    event_id: UUID,
    source: str,
    occurred_at: datetime,
    request_id: str | None,
    causation_id: UUID | None,
) -> bytes:
    """Do what `to_bytes` does, without an envelope; the key is the event's, as a text.

    The time is in UTC.
    """
    attributes: dict[str, Any] = {
        "specversion": "1.0",
        "id": event_id,
        "source": source,
        "type": event.type,
        "subject": subject_of(event.type, key),
        "time": occurred_at,
        "datacontenttype": "application/json",
        "partitionkey": key,
    }
    if request_id is not None:
        attributes["correlationid"] = request_id
    if causation_id is not None:
        attributes["causationid"] = causation_id
    attributes["data"] = event.to_values()
    try:
        return orjson.dumps(attributes, option=orjson.OPT_UTC_Z)
    except orjson.JSONEncodeError as error:
        raise EventDataInvalid(f"{event.type}: {error}.") from error


def from_bytes(payload: bytes) -> Envelope:
    """Read an event of the catalogue.

    Raises EnvelopeInvalid if the bytes are no CloudEvent 1.0, EventDataInvalid if the
    data does not fit the type, and KeyError never: an unknown type is EnvelopeInvalid.
    """
    attributes = _attributes(payload)
    kind = CATALOGUE.get(str(attributes.get("type")))
    if kind is None:
        raise EnvelopeInvalid(f"Unknown event type {attributes.get('type')!r}.")
    try:
        event_id = UUID(attributes["id"])
        occurred_at = datetime.fromisoformat(attributes["time"])
        source = str(attributes["source"])
        causation = attributes.get("causationid")
        causation_id = UUID(causation) if causation is not None else None
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise EnvelopeInvalid(f"A CloudEvents attribute is wrong: {error}.") from error
    correlation = attributes.get("correlationid")
    return Envelope(
        event_id=event_id,
        source=source,
        occurred_at=occurred_at,
        event=kind.from_data(attributes.get("data")),
        request_id=correlation if isinstance(correlation, str) else None,
        causation_id=causation_id,
    )


def format_time(moment: datetime) -> str:
    """Return an RFC 3339 time in UTC."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def headers_of(
    *,
    event_id: str,
    event_type: str,
    key: str,
    time: str,
    request_id: str | None,
    extra: Mapping[str, str] | None,
) -> list[tuple[str, bytes]]:
    """Return the Kafka headers, so that a router need not parse the value."""
    constant, subject = _constant_headers(event_type)
    encoded = key.encode()
    headers = [
        *constant,
        ("ce_id", event_id.encode()),
        ("ce_subject", subject + encoded),
        ("ce_time", time.encode()),
        ("ce_partitionkey", encoded),
    ]
    if request_id is not None:
        headers.append(("ce_correlationid", request_id.encode()))
    if extra:
        headers.extend((name, value.encode()) for name, value in extra.items())
    return headers


@cache
def _constant_headers(event_type: str) -> tuple[tuple[tuple[str, bytes], ...], bytes]:
    """Return what all events of a type share, and the subject up to the key."""
    constant = (
        ("content-type", CONTENT_TYPE.encode()),
        ("ce_specversion", b"1.0"),
        ("ce_source", source_of(event_type).encode()),
        ("ce_type", event_type.encode()),
    )
    return constant, subject_of(event_type, "").encode()


@cache
def _source(deployment: str, event_type: str) -> str:
    return f"{deployment}/{_stream(event_type)}"


@cache
def _subject(event_type: str) -> str:
    return f"{_stream(event_type)}/"


def _stream(event_type: str) -> str:
    return event_type.split(".")[1]


def _attributes(payload: bytes) -> dict[str, Any]:
    try:
        attributes = json.loads(payload)
    except ValueError as error:
        raise EnvelopeInvalid(f"Not JSON: {error}.") from error
    if not isinstance(attributes, dict) or attributes.get("specversion") != "1.0":
        raise EnvelopeInvalid("Not a CloudEvent of version 1.0.")
    return attributes


__all__ = (
    "CONTENT_TYPE",
    "Envelope",
    "EnvelopeInvalid",
    "EventDataInvalid",
    "encode",
    "format_time",
    "from_bytes",
    "headers_of",
    "source_of",
    "subject_of",
    "to_bytes",
)
