"""A trace goes on behind the gateway, and no broken one does."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_proxy.core.messages import Headers
from gateway_proxy.core.tracing import STATE_LENGTH, Trace, trace_of

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = "00f067aa0ba902b7"
PARENT = f"00-{TRACE}-{SPAN}-01"
HEADER = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")


def parts(trace: Trace) -> tuple[str, str, str]:
    """Return trace id, span id and flags of what an upstream is told."""
    found = HEADER.fullmatch(trace.header)
    assert found is not None
    one, span, flags = found.groups()
    return one, span, flags


def began_here(trace: Trace) -> bool:
    return trace.trace_id != TRACE and parts(trace)[::2] == (trace.trace_id, "03")


def test_a_request_without_a_trace_begins_one() -> None:
    first, second = trace_of(()), trace_of((("accept", "*/*"),))

    assert began_here(first)
    assert began_here(second)
    assert first.trace_id != second.trace_id
    assert parts(first)[1] != parts(second)[1]


def test_a_trace_goes_on_with_a_span_of_the_gateways_own() -> None:
    trace = trace_of((("host", "x"), ("traceparent", PARENT)))

    trace_id, span, flags = parts(trace)

    assert (trace.trace_id, trace_id, flags) == (TRACE, TRACE, "01")
    assert span not in {SPAN, "0" * 16}


@pytest.mark.parametrize(
    ("flags", "passed"), [("00", "00"), ("01", "01"), ("03", "03"), ("ff", "03")]
)
def test_of_the_flags_those_that_have_a_meaning_are_kept(
    flags: str, passed: str
) -> None:
    trace = trace_of((("traceparent", f"00-{TRACE}-{SPAN}-{flags}"),))

    assert parts(trace)[::2] == (TRACE, passed)


@pytest.mark.parametrize(
    "parent",
    [
        pytest.param(f"cc-{TRACE}-{SPAN}-01", id="same form"),
        pytest.param(f"cc-{TRACE}-{SPAN}-01-what-the-future-will-be", id="longer"),
        pytest.param(f"fe-{TRACE}-{SPAN}-01-", id="with an empty end"),
    ],
)
def test_of_a_later_version_the_known_part_is_read(parent: str) -> None:
    trace = trace_of((("traceparent", parent),))

    assert parts(trace)[::2] == (TRACE, "01")


# After the test suite of the recommendation, https://github.com/w3c/trace-context.
@pytest.mark.parametrize(
    "parent",
    [
        pytest.param("", id="empty"),
        pytest.param(f"00-{TRACE}-{SPAN}", id="no flags"),
        pytest.param(f"00-{'0' * 32}-{SPAN}-01", id="no trace"),
        pytest.param(f"00-{TRACE}-{'0' * 16}-01", id="no span"),
        pytest.param(f"00-{TRACE.upper()}-{SPAN}-01", id="trace in capitals"),
        pytest.param(f"00-{TRACE}-{SPAN.upper()}-01", id="span in capitals"),
        pytest.param(f"0A-{TRACE}-{SPAN}-01", id="version in capitals"),
        pytest.param(f"00-{TRACE}-{SPAN}-0A", id="flags in capitals"),
        pytest.param(f"ff-{TRACE}-{SPAN}-01", id="the version that never is"),
        pytest.param(f"00-{TRACE}-{SPAN}-01-more", id="more than version 00 has"),
        pytest.param(f"00-{TRACE}-{SPAN}-01-", id="a dash too many"),
        pytest.param(f"cc-{TRACE}-{SPAN}-01.later", id="a later version, no dash"),
        pytest.param(f"cc-{TRACE}-{SPAN}-1", id="a later version, too short"),
        pytest.param(f"00-.{TRACE[1:]}-{SPAN}-01", id="trace with a dot"),
        pytest.param(f"00-{TRACE[1:]}-{SPAN}-01", id="trace too short"),
        pytest.param(f"00-{TRACE}0-{SPAN}-01", id="trace too long"),
        pytest.param(f"00-{TRACE}-{SPAN[1:]}-01", id="span too short"),
        pytest.param(f"00-{TRACE}-{SPAN}-.0", id="flags with a dot"),
        pytest.param(f"00-{TRACE}-{SPAN}-1", id="flags too short"),
        pytest.param(f"00_{TRACE}_{SPAN}_01", id="other separators"),
        pytest.param(f"{PARENT},{PARENT}", id="two in one field"),
        pytest.param(f"{PARENT}\n", id="a line break"),
        pytest.param(f" {PARENT}", id="a space"),
        pytest.param(f"00-{'٣' * 32}-{SPAN}-01", id="digits of another script"),
    ],
)
def test_what_names_no_trace_is_not_passed_on(parent: str) -> None:
    trace = trace_of((("traceparent", parent), ("tracestate", "a=1")))

    assert began_here(trace)
    assert trace.state == ""


def test_two_traces_are_none() -> None:
    twice: Headers = (("traceparent", PARENT), ("traceparent", PARENT))

    assert began_here(trace_of((*twice, ("tracestate", "a=1"))))


def test_a_state_without_a_trace_is_dropped() -> None:
    trace = trace_of((("tracestate", "a=1"),))

    assert [name for name, _ in trace.headers()] == ["traceparent"]


def test_an_upstream_is_told_of_the_trace_and_of_its_state() -> None:
    trace = trace_of((("traceparent", PARENT), ("tracestate", "a=1")))

    assert trace.headers() == (("traceparent", trace.header), ("tracestate", "a=1"))


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        pytest.param(["a=1", "b=2"], "a=1,b=2", id="several fields in their order"),
        pytest.param([" a=1\t, ,b=2,,"], "a=1,b=2", id="spaces and empty members"),
        pytest.param(["1@vendor-x=/*_9"], "1@vendor-x=/*_9", id="of a tenant"),
        pytest.param(["a=1 2"], "a=1 2", id="a space within a value"),
        pytest.param([f"{'a' * 256}=1"], f"{'a' * 256}=1", id="the longest key"),
        pytest.param([f"a={'1' * 256}"], f"a={'1' * 256}", id="the longest value"),
        pytest.param([f"{'a' * 257}=1"], "", id="a key too long"),
        pytest.param([f"a={'1' * 257}"], "", id="a value too long"),
        pytest.param(["a=1,A=2"], "", id="a key in capitals"),
        pytest.param(["a=1,=2"], "", id="no key"),
        pytest.param(["a=1,b="], "", id="no value"),
        pytest.param(["a=1,b"], "", id="no pair"),
        pytest.param(["a=1=2"], "", id="two signs"),
        pytest.param(["a=é"], "", id="no ASCII"),
        pytest.param(["a=1", "b=2,a=3"], "", id="a key twice"),
    ],
)
def test_a_state_is_passed_on_if_all_of_it_is_well_formed(
    fields: list[str], state: str
) -> None:
    given_state = tuple(("tracestate", value) for value in fields)

    assert trace_of((("traceparent", PARENT), *given_state)).state == state


@pytest.mark.parametrize(("members", "passed"), [(32, 32), (33, 0)])
def test_a_state_has_at_most_32_members(members: int, passed: int) -> None:
    state = ",".join(f"k{number}=v" for number in range(members))

    trace = trace_of((("traceparent", PARENT), ("tracestate", state)))

    assert trace.state.count("=") == passed


def test_a_state_that_is_too_long_loses_long_members_then_the_oldest() -> None:
    long = f"long={'x' * 128}"
    members = [f"k{number}={'v' * 97}" for number in range(6)]

    trace = trace_of(
        (("traceparent", PARENT), ("tracestate", ",".join([long, *members])))
    )

    assert trace.state == ",".join(members[:5])


@given(parent=st.text(max_size=80), state=st.text(max_size=600))
def test_whatever_a_client_sends_upstreams_get_a_well_formed_trace(
    parent: str, state: str
) -> None:
    trace = trace_of((("traceparent", parent), ("tracestate", state)))

    assert parts(trace)[0] == trace.trace_id
    assert len(trace.state) <= STATE_LENGTH


@given(
    version=st.integers(0, 254),
    trace_id=st.integers(1, 2**128 - 1),
    span=st.integers(1, 2**64 - 1),
    flags=st.integers(0, 255),
)
def test_every_trace_of_any_version_goes_on(
    version: int, trace_id: int, span: int, flags: int
) -> None:
    parent = f"{version:02x}-{trace_id:032x}-{span:016x}-{flags:02x}"

    trace = trace_of((("traceparent", parent),))

    assert parts(trace)[::2] == (f"{trace_id:032x}", f"{flags & 3:02x}")
