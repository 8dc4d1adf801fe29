"""W3C Trace Context: a client's trace goes on behind the gateway, or a new one begins.

Levels 1 and 2 of the recommendation. The gateway is one span of the trace: upstreams
get the same trace id and the span of the gateway as their parent.
"""

import os
import re
from dataclasses import dataclass

from gateway_proxy.core.messages import Headers

STATE_MEMBERS = 32
STATE_LENGTH = 512

_LONG_MEMBER = 128
_NEVER = "ff"
_CURRENT = "00"
_PARENT = re.compile(
    r"(?P<version>[0-9a-f]{2})-(?P<trace>[0-9a-f]{32})-(?P<span>[0-9a-f]{16})"
    r"-(?P<flags>[0-9a-f]{2})(?P<later>-.*)?"
)
_NO_TRACE = "0" * 32
_NO_SPAN = "0" * 16
_SAMPLED, _RANDOM = 1, 2
# Whoever begins a trace says that its id is random, and that somebody keeps it: a
# service that asks its parent would otherwise record nothing of what comes from here.
_FRESH_FLAGS = f"{_SAMPLED | _RANDOM:02x}"
_MEMBER = re.compile(
    r"([a-z0-9][a-z0-9_*/@-]{0,255})=[ -+\--<>-~]{0,255}[!-+\--<>-~]",
)


# Not frozen: made with every request, and each field of a frozen one costs a call.
@dataclass(slots=True)
class Trace:
    """The gateway's part in a trace: what upstreams are told of it, and its id."""

    trace_id: str
    header: str
    state: str = ""

    def headers(self) -> Headers:
        """Return the fields for an upstream; the client's own must not pass beside."""
        if self.state:
            return (("traceparent", self.header), ("tracestate", self.state))
        return (("traceparent", self.header),)


def trace_of(headers: Headers) -> Trace:
    """Return the trace that a request belongs to; it begins here if none is named.

    The names of the headers are in lower case. What is not exactly as it should be
    names no trace, and then its state is not passed on either.
    """
    parents = [value for name, value in headers if name == "traceparent"]
    parent = _readable(parents[0]) if len(parents) == 1 else None
    fresh = os.urandom(24).hex()
    span = fresh[:16]
    if parent is None:
        trace_id = fresh[16:]
        return Trace(trace_id, f"{_CURRENT}-{trace_id}-{span}-{_FRESH_FLAGS}")
    flags = int(parent["flags"], 16) & (_SAMPLED | _RANDOM)
    trace_id = parent["trace"]
    header = f"{_CURRENT}-{trace_id}-{span}-{flags:02x}"
    return Trace(trace_id, header, _state_of(headers))


def _readable(parent: str) -> re.Match[str] | None:
    found = _PARENT.fullmatch(parent)
    if found is None or found["version"] == _NEVER:
        return None
    if found["later"] is not None and found["version"] == _CURRENT:
        return None
    if found["trace"] == _NO_TRACE or found["span"] == _NO_SPAN:
        return None
    return found


def _state_of(headers: Headers) -> str:
    """Return the state as one field; all of it is dropped if any of it is wrong."""
    members = [
        member
        for name, value in headers
        if name == "tracestate"
        for text in value.split(",")
        if (member := text.strip(" \t"))
    ]
    keys = [found[1] for member in members if (found := _MEMBER.fullmatch(member))]
    if len(keys) < len(members) or len(set(keys)) < len(keys):
        return ""
    return "" if len(keys) > STATE_MEMBERS else _shortened(members)


def _shortened(members: list[str]) -> str:
    """Leave out whole members until the rest fits: long ones, then the oldest."""
    state = ",".join(members)
    if len(state) <= STATE_LENGTH:
        return state
    kept = [member for member in members if len(member) <= _LONG_MEMBER]
    while len(state := ",".join(kept)) > STATE_LENGTH:
        kept.pop()
    return state
