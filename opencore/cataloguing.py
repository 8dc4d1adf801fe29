"""Writes down every event: what it says, in what order, who emits it and who hears."""

import ast
import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import fields
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, get_type_hints
from uuid import UUID

from django.apps import apps

from opencore.events import CATALOGUE, TOPICS, Event
from outbox.consuming import ConsumerUnknown, handlings_of
from outbox.envelope import Envelope, format_time, headers_of, to_bytes

ROOT = Path(__file__).resolve().parent.parent
INTRODUCTION = """\
# Events

Made from the classes in `opencore/events` by `manage.py events`; change those, not this page. A test compares the two.

- **Topic**: one per stream, the type without its last part. **Key**: the id within which order matters; all events of one key arrive in the order of their commits.
- **Envelope**: CloudEvents 1.0 in structured JSON. `id` stays the same when an event is sent again, so remember it if an effect must not happen twice. `source` and `id` together are unique.
- **Changes**: a published event never loses a field and no field changes its type; a new field has a default. Anything else is a new version beside the old one. Pass over fields that you don't know.
- Fields marked **personal** are about a person; keep them no longer than you must.
"""


def write_catalogue() -> str:
    """Return the page of all events, stream by stream."""
    parts = [INTRODUCTION, _wire()]
    for topic in TOPICS:
        parts.append(f"## {topic}\n")
        parts += [
            _section(event) for event in CATALOGUE.values() if event.topic() == topic
        ]
    return "\n".join(parts)


def example_of(kind: type[Event]) -> Event:
    """Return an event of this class, with values that are made up."""
    hints = get_type_hints(kind)
    return kind(
        **{
            field.name: _example(field.name, hints[field.name], place)
            for place, field in enumerate(fields(kind), start=1)
        }
    )


def emitters_of(kind: type[Event]) -> list[str]:
    """Return the functions that emit events of this class, by the code they stand in."""
    return _emitters().get(kind.__name__, [])


def hearers_of(kind: type[Event]) -> list[str]:
    """Return the handlers of this class, consumer by consumer."""
    found = []
    for app in _apps():
        try:
            handling = handlings_of(app).get(kind.type)
        except ConsumerUnknown:
            continue
        if handling is not None:
            found.append(handling.name)
    return found


def _apps() -> list[str]:
    return [app.label for app in apps.get_app_configs() if (ROOT / app.label).is_dir()]


@cache
def _emitters() -> dict[str, list[str]]:
    """Read all code once, and return who emits what, by the names of events' classes."""
    found: dict[str, set[str]] = defaultdict(set)
    for app in _apps():
        for path in (ROOT / app).rglob("*.py"):
            module = path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".")
            for function, event in _emitting(ast.parse(path.read_text("utf-8"))):
                found[event].add(f"{module}.{function}")
    return {event: sorted(functions) for event, functions in found.items()}


def _emitting(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for function in tree.body:
        if isinstance(function, ast.FunctionDef):
            for node in ast.walk(function):
                for event in _emitted(node):
                    yield function.name, event


def _emitted(node: ast.AST) -> list[str]:
    """Return the classes of the events that a node of code emits."""
    if not isinstance(node, ast.Call) or not node.args:
        return []
    if not isinstance(node.func, ast.Name) or node.func.id not in {"emit", "emit_all"}:
        return []
    told = node.args[0]
    events = told.elts if isinstance(told, ast.List) else [getattr(told, "elt", told)]
    return [
        event.func.id
        for event in events
        if isinstance(event, ast.Call) and isinstance(event.func, ast.Name)
    ]


def _section(kind: type[Event]) -> str:
    said = " ".join((kind.__doc__ or "").split())
    lines = [
        f"### {kind.__name__}",
        "",
        said,
        "",
        f"- type: `{kind.type}`",
        f"- key: {_key_of(kind)}",
        f"- emitted by: {_list(emitters_of(kind))}",
        f"- handled by: {_list(hearers_of(kind))}",
        "",
        "| field | type | |",
        "|---|---|---|",
    ]
    hints = get_type_hints(kind)
    lines += [
        f"| `{field.name}` | {_name_of(hints[field.name])} |"
        f" {'**personal**' if field.name in kind.personal else ''} |"
        for field in fields(kind)
    ]
    return "\n".join([*lines, ""])


def _key_of(kind: type[Event]) -> str:
    event = example_of(kind)
    named = [name for name in event.to_data() if getattr(event, name) == event.key]
    return f"`{named[0]}`"


def _list(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "nobody"


def _name_of(hint: Any) -> str:  # noqa: ANN401 -- a type hint is any object
    names = {UUID: "UUID", str: "string", int: "integer", bool: "boolean"}
    names |= {datetime: "time, RFC 3339", type(None): "null"}
    kinds = getattr(hint, "__args__", (hint,))
    return " or ".join(names[kind] for kind in kinds)


def _example(name: str, hint: Any, place: int) -> object:  # noqa: ANN401 -- as above
    kind = getattr(hint, "__args__", (hint,))[0]
    if kind is UUID:
        return UUID(int=(0x0192F0C1000070008000 << 48) + place)
    if kind is datetime:
        return datetime(2026, 3, 1, 12, tzinfo=UTC)
    made_up: dict[type, object] = {int: 1999, bool: True, str: name}
    known = {"email": "ada@example.com", "currency": "EUR", "role": "owner"}
    return known.get(name, made_up[kind])


def _wire() -> str:
    event = example_of(CATALOGUE["opencore.user.v1.user-created"])
    envelope = Envelope(
        event_id=UUID(int=0x0192F0C1000070008000 << 48),
        source="https://opencore.example/user",
        occurred_at=datetime(2026, 3, 1, 12, tzinfo=UTC),
        event=event,
        request_id="01964e9e-8a8b-7000-8000-000000000000",
    )
    value = json.dumps(json.loads(to_bytes(envelope)), indent=2)
    headers = headers_of(
        event_id=str(envelope.event_id),
        event_type=event.type,
        key=str(event.key),
        time=format_time(envelope.occurred_at),
        request_id=envelope.request_id,
        extra=None,
    )
    lines = [f"{name}: {text.decode()}" for name, text in headers]
    # The rest of a header's source depends on where a deployment is.
    lines = [
        f"ce_source: {envelope.source}" if line.startswith("ce_source") else line
        for line in lines
    ]
    return "\n".join(
        [
            "## On the wire\n",
            f"A record of `{event.topic()}` with the key `{event.key}`. Its value:\n",
            f"```json\n{value}\n```\n",
            "Its headers say the same, for whoever routes without reading:\n",
            "```\n" + "\n".join(lines) + "\n```\n",
        ]
    )
